package peer

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"time"
)

// command is one line of input. ID comes back in the answer.
type command struct {
	ID        int64    `json:"id"`
	Cmd       string   `json:"cmd"`
	Node      string   `json:"node"`
	Config    *Config  `json:"config"`
	Addrs     []string `json:"addrs"`
	To        string   `json:"to"`
	Payload   []byte   `json:"payload"`
	Key       []byte   `json:"key"`
	UDP       *UDP     `json:"udp"`
	TimeoutMs int      `json:"timeoutMs"`
}

// answer is the one line every command gets.
type answer struct {
	ID      int64     `json:"id"`
	OK      bool      `json:"ok"`
	Error   string    `json:"error,omitempty"`
	Addr    string    `json:"addr,omitempty"`
	Count   *int      `json:"count,omitempty"`
	RttUs   int64     `json:"rttUs,omitempty"`
	Members []*Member `json:"members,omitempty"`
	Keys    [][]byte  `json:"keys,omitempty"`
	Stats   *Stats    `json:"stats,omitempty"`
}

const lineBytesMax = 64 << 20

// Run serves standard input until it ends, then ends the process's nodes
// silently, as a crash would.
func Run(tune Tune) {
	serve(os.Stdin, newOutput(os.Stdout), tune)
}

func serve(in io.Reader, out *output, tune Tune) {
	all := &nodes{byName: map[string]*node{}}
	out.emit(event{Event: "ready", Message: version()})
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 0, 1<<16), lineBytesMax)
	for scanner.Scan() {
		c := &command{}
		if err := json.Unmarshal(scanner.Bytes(), c); err != nil {
			out.emit(event{Event: "fault", Message: err.Error()})
			continue
		}
		// Each on its own: a join may wait for seconds and must not hold up the rest.
		go func() {
			a := answer{ID: c.ID}
			if err := handle(c, &a, all, tune, out); err != nil {
				a.Error = err.Error()
			} else {
				a.OK = true
			}
			out.emit(a)
		}()
	}
}

func handle(c *command, a *answer, all *nodes, tune Tune, out *output) error {
	if c.Cmd == "create" {
		n, err := newNode(c.Config, tune, out)
		if err != nil {
			return err
		}
		if err := all.put(n); err != nil {
			_ = n.shutdown()
			return err
		}
		a.Addr = memberOf(n.list.LocalNode()).Addr
		return nil
	}
	n, err := all.get(c.Node)
	if err != nil {
		return err
	}
	timeout := time.Duration(c.TimeoutMs) * time.Millisecond
	switch c.Cmd {
	case "join":
		count, err := n.list.Join(c.Addrs)
		a.Count = &count
		return err
	case "members":
		a.Members = n.members()
	case "leave":
		return n.list.Leave(timeout)
	case "updateMeta":
		return n.updateMeta(c.Payload, timeout)
	case "setUserState":
		n.userState.Store(&c.Payload)
	case "sendBestEffort", "sendReliable":
		to, err := n.find(c.To)
		if err != nil {
			return err
		}
		if c.Cmd == "sendReliable" {
			return n.list.SendReliable(to, c.Payload)
		}
		return n.list.SendBestEffort(to, c.Payload)
	case "broadcast":
		n.queue.QueueBroadcast(broadcast(c.Payload))
	case "ping":
		to, err := n.find(c.To)
		if err != nil {
			return err
		}
		rtt, err := n.list.Ping(to.Name, &net.UDPAddr{IP: to.Addr, Port: int(to.Port)})
		a.RttUs = rtt.Microseconds()
		return err
	case "addKey", "useKey", "removeKey", "keys":
		ring, err := n.keyring()
		if err != nil {
			return err
		}
		switch c.Cmd {
		case "addKey":
			err = ring.AddKey(c.Key)
		case "useKey":
			err = ring.UseKey(c.Key)
		case "removeKey":
			err = ring.RemoveKey(c.Key)
		}
		a.Keys = ring.GetKeys()
		return err
	case "udp":
		n.transport.udp.Store(c.UDP)
	case "health":
		score := n.list.GetHealthScore()
		a.Count = &score
	case "stats":
		a.Stats = n.stats()
	case "shutdown":
		return n.shutdown()
	default:
		return fmt.Errorf("unknown command %q", c.Cmd)
	}
	return nil
}

// version names the memberlist and msgpack releases that were linked.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.GoVersion
	for _, dep := range info.Deps {
		switch dep.Path {
		case "github.com/hashicorp/memberlist", "github.com/hashicorp/go-msgpack",
			"github.com/hashicorp/go-msgpack/v2":
			text += " " + dep.Path + "@" + dep.Version
		}
	}
	return text
}
