package peer

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

// event is a line that answers no command. Absent fields do not apply.
type event struct {
	Event   string  `json:"event"`
	Node    string  `json:"node,omitempty"`
	AtUs    int64   `json:"atUs,omitempty"`
	Member  *Member `json:"member,omitempty"`
	Other   *Member `json:"other,omitempty"`
	Payload []byte  `json:"payload,omitempty"`
	Join    *bool   `json:"join,omitempty"`
	RttUs   int64   `json:"rttUs,omitempty"`
	Message string  `json:"message,omitempty"`
}

// delegate reports everything memberlist tells an application.
type delegate struct {
	out           *output
	name          string
	countUserOnly bool
	meta          atomic.Pointer[[]byte]
	userState     atomic.Pointer[[]byte]
	ackPayload    []byte
	queue         *memberlist.TransmitLimitedQueue
	known         atomic.Int64

	userMessages, userBytes, remoteStates, pings atomic.Int64
}

func newDelegate(c *Config, retransmitMult int, out *output) *delegate {
	d := &delegate{
		out: out, name: c.Name, countUserOnly: c.CountUserOnly, ackPayload: c.AckPayload,
	}
	d.meta.Store(&c.Meta)
	d.userState.Store(&c.UserState)
	d.queue = &memberlist.TransmitLimitedQueue{
		NumNodes:       func() int { return int(d.known.Load()) },
		RetransmitMult: retransmitMult,
	}
	return d
}

func (d *delegate) emit(e event) {
	e.Node = d.name
	e.AtUs = time.Now().UnixMicro()
	d.out.emit(e)
}

func (d *delegate) NodeMeta(int) []byte { return *d.meta.Load() }

func (d *delegate) NotifyMsg(payload []byte) {
	d.userMessages.Add(1)
	d.userBytes.Add(int64(len(payload)))
	if !d.countUserOnly {
		d.emit(event{Event: "user", Payload: append([]byte{}, payload...)})
	}
}

func (d *delegate) GetBroadcasts(overhead, limit int) [][]byte {
	return d.queue.GetBroadcasts(overhead, limit)
}

func (d *delegate) LocalState(bool) []byte { return *d.userState.Load() }

func (d *delegate) MergeRemoteState(state []byte, join bool) {
	d.remoteStates.Add(1)
	d.emit(event{Event: "mergeState", Payload: append([]byte{}, state...), Join: &join})
}

func (d *delegate) NotifyJoin(n *memberlist.Node) {
	d.known.Add(1)
	d.emit(event{Event: "join", Member: memberOf(n)})
}

func (d *delegate) NotifyLeave(n *memberlist.Node) {
	d.known.Add(-1)
	d.emit(event{Event: "leave", Member: memberOf(n)})
}

func (d *delegate) NotifyUpdate(n *memberlist.Node) {
	d.emit(event{Event: "update", Member: memberOf(n)})
}

func (d *delegate) NotifyConflict(existing, other *memberlist.Node) {
	d.emit(event{Event: "conflict", Member: memberOf(existing), Other: memberOf(other)})
}

func (d *delegate) AckPayload() []byte { return d.ackPayload }

func (d *delegate) NotifyPingComplete(n *memberlist.Node, rtt time.Duration, payload []byte) {
	d.pings.Add(1)
	d.emit(event{
		Event: "ping", Member: memberOf(n), RttUs: rtt.Microseconds(),
		Payload: append([]byte{}, payload...),
	})
}

// broadcast is application data: it displaces nothing and is never displaced.
type broadcast []byte

func (b broadcast) Invalidates(memberlist.Broadcast) bool { return false }
func (b broadcast) Message() []byte                       { return b }
func (b broadcast) Finished()                             {}
