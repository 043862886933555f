package peer

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// output writes whole lines, in order, from one goroutine: delegates call it
// with memberlist's locks held and must not wait for a slow reader.
type output struct {
	lines chan []byte
	done  chan struct{}
}

const queuedLinesMax = 1 << 16

func newOutput(w io.Writer) *output {
	o := &output{lines: make(chan []byte, queuedLinesMax), done: make(chan struct{})}
	go func() {
		defer close(o.done)
		buffered := bufio.NewWriter(w)
		for line := range o.lines {
			_, err := buffered.Write(append(line, '\n'))
			if err == nil && len(o.lines) == 0 {
				err = buffered.Flush()
			}
			if err != nil {
				os.Exit(1) // nobody listens any more
			}
		}
		_ = buffered.Flush()
	}()
	return o
}

func (o *output) emit(record any) {
	line, err := json.Marshal(record)
	if err != nil {
		line = []byte(fmt.Sprintf(`{"event":"fault","message":%q}`, err.Error()))
	}
	o.lines <- line
}

// logLines turns memberlist's log into events, so that it keeps its place
// among them.
type logLines struct {
	out  *output
	node string
}

func (l logLines) Write(line []byte) (int, error) {
	text := string(line)
	for len(text) > 0 && text[len(text)-1] == '\n' {
		text = text[:len(text)-1]
	}
	l.out.emit(event{Event: "log", Node: l.node, Message: text})
	return len(line), nil
}
