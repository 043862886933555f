module althing.test/interop/delay_line

go 1.19
