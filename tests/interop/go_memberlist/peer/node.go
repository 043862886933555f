package peer

import (
	"errors"
	"fmt"
	"log"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

// Member is one row of a node's list.
type Member struct {
	Name  string `json:"name"`
	Addr  string `json:"addr"`
	State int    `json:"state"`
	Meta  []byte `json:"meta"`
	Vsn   [6]int `json:"vsn"`
}

func memberOf(n *memberlist.Node) *Member {
	return &Member{
		Name:  n.Name,
		Addr:  net.JoinHostPort(n.Addr.String(), strconv.Itoa(int(n.Port))),
		State: int(n.State),
		Meta:  append([]byte{}, n.Meta...),
		Vsn: [6]int{
			int(n.PMin), int(n.PMax), int(n.PCur), int(n.DMin), int(n.DMax), int(n.DCur),
		},
	}
}

// Stats count what a node has received, and its datagrams.
type Stats struct {
	UserMessages   int64 `json:"userMessages"`
	UserBytes      int64 `json:"userBytes"`
	RemoteStates   int64 `json:"remoteStates"`
	Pings          int64 `json:"pings"`
	PacketsIn      int64 `json:"packetsIn"`
	PacketsOut     int64 `json:"packetsOut"`
	PacketsDropped int64 `json:"packetsDropped"`
}

// node is one memberlist instance with its delegates.
type node struct {
	name      string
	list      *memberlist.Memberlist
	transport *transport
	ring      *memberlist.Keyring
	*delegate
	closed atomic.Bool
}

func newNode(c *Config, tune Tune, out *output) (*node, error) {
	logger := log.New(logLines{out, c.Name}, "", 0)
	conf, err := c.memberlistConfig(tune)
	if err != nil {
		return nil, err
	}
	t, err := listen(c.Bind, c.Port, c.UDP, logger)
	if err != nil {
		return nil, err
	}
	conf.Transport = t
	conf.BindPort = t.GetAutoBindPort()
	conf.AdvertisePort = conf.BindPort
	conf.Logger = logger
	d := newDelegate(c, conf.RetransmitMult, out)
	conf.Delegate, conf.Events, conf.Ping, conf.Conflict = d, d, d, d
	list, err := memberlist.Create(conf)
	if err != nil {
		_ = t.Shutdown()
		return nil, err
	}
	return &node{name: c.Name, list: list, transport: t, ring: conf.Keyring, delegate: d}, nil
}

func (n *node) members() []*Member {
	rows := []*Member{}
	for _, m := range n.list.Members() {
		rows = append(rows, memberOf(m))
	}
	return rows
}

func (n *node) find(name string) (*memberlist.Node, error) {
	for _, m := range n.list.Members() {
		if m.Name == name {
			return m, nil
		}
	}
	return nil, fmt.Errorf("no member is called %q", name)
}

func (n *node) keyring() (*memberlist.Keyring, error) {
	if n.ring == nil {
		return nil, errors.New("the node was created without keys")
	}
	return n.ring, nil
}

func (n *node) updateMeta(meta []byte, timeout time.Duration) error {
	if len(meta) > memberlist.MetaMaxSize {
		return fmt.Errorf("metadata of %d bytes: %d are allowed", len(meta), memberlist.MetaMaxSize)
	}
	n.meta.Store(&meta)
	return n.list.UpdateNode(timeout)
}

func (n *node) stats() *Stats {
	return &Stats{
		UserMessages:   n.userMessages.Load(),
		UserBytes:      n.userBytes.Load(),
		RemoteStates:   n.remoteStates.Load(),
		Pings:          n.pings.Load(),
		PacketsIn:      n.transport.packetsIn.Load(),
		PacketsOut:     n.transport.packetsOut.Load(),
		PacketsDropped: n.transport.packetsDropped.Load(),
	}
}

func (n *node) shutdown() error {
	if !n.closed.CompareAndSwap(false, true) {
		return nil
	}
	return n.list.Shutdown()
}

// nodes is the process's registry.
type nodes struct {
	mu     sync.Mutex
	byName map[string]*node
}

func (s *nodes) get(name string) (*node, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.byName[name]
	if !ok {
		return nil, fmt.Errorf("no node is called %q", name)
	}
	if n.closed.Load() {
		return nil, fmt.Errorf("node %q is shut down", name)
	}
	return n, nil
}

// put registers a node; a name may be used again once its node is shut down.
func (s *nodes) put(n *node) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.byName[n.name]; ok && !old.closed.Load() {
		return fmt.Errorf("a node called %q is running", n.name)
	}
	s.byName[n.name] = n
	return nil
}
