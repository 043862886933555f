// Command go_peer measures the Go side of the benchmarks: what memberlist does
// with the same input on the same machine, on one core.
//
//	go_peer [-seconds 1] NAME...
//
// It prints one JSON object per line: {"name", "value", "unit"}.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"
)

// benchmark is one measurement.
type benchmark struct {
	name string
	unit string
	// amount is what one job counts for: 1 for packets, bytes for throughput.
	amount float64
	// prepare makes the job once; the job is then called over and over.
	prepare func() (job func(count int), err error)
}

func main() {
	seconds := flag.Float64("seconds", 1, "how long each measurement runs")
	flag.Parse()
	runtime.GOMAXPROCS(1)
	unknown := map[string]bool{}
	for _, name := range flag.Args() {
		unknown[name] = true
	}
	all := len(unknown) == 0
	out := json.NewEncoder(os.Stdout)
	for _, b := range benchmarks() {
		if !all && !unknown[b.name] {
			continue
		}
		delete(unknown, b.name)
		value, err := measure(b, time.Duration(*seconds*float64(time.Second)))
		if err != nil {
			fail(fmt.Errorf("%s: %w", b.name, err))
		}
		if err := out.Encode(map[string]any{
			"name": b.name, "value": value, "unit": b.unit,
		}); err != nil {
			fail(err)
		}
	}
	for name := range unknown {
		fail(fmt.Errorf("no benchmark is called %q", name))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// measure finds a batch of about 50 ms, then answers the best batch's rate:
// others share the machine and can only make a batch slower.
func measure(b benchmark, budget time.Duration) (float64, error) {
	job, err := b.prepare()
	if err != nil {
		return 0, err
	}
	batch := 1
	for {
		started := time.Now()
		job(batch)
		if time.Since(started) >= 50*time.Millisecond {
			break
		}
		batch *= 2
	}
	best := 0.0
	for end := time.Now().Add(budget); time.Now().Before(end); {
		started := time.Now()
		job(batch)
		best = max(best, float64(batch)*b.amount/time.Since(started).Seconds())
	}
	return best, nil
}
