package main

// benchInput makes bytes that compress about as well as gossip does. The
// TypeScript side has the same generator: xorshift32 from 0x9E3779B9; each
// draw x either appends one letter (x mod 4 = 0, or nothing to copy yet) or
// repeats 4 to 16 bytes from up to 255 back.
func benchInput(length int) []byte {
	out := make([]byte, 0, length+16)
	x := uint32(0x9E3779B9)
	for len(out) < length {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		if x%4 == 0 || len(out) < 16 {
			out = append(out, byte('a'+(x>>8)%26))
			continue
		}
		count := 4 + int((x>>8)%13)
		back := 1 + int((x>>16)%uint32(min(len(out), 255)))
		for range count {
			out = append(out, out[len(out)-back])
		}
	}
	return out[:length]
}
