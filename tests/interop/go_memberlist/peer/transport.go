package peer

import (
	"log"
	"math/rand"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

// UDP says what becomes of a node's datagrams; its streams are untouched.
type UDP struct {
	// BlockIn drops what arrives, BlockOut what is sent.
	BlockIn  bool `json:"blockIn"`
	BlockOut bool `json:"blockOut"`
	// LossIn is the share of arriving datagrams that is dropped, 0 to 1.
	LossIn float64 `json:"lossIn"`
	// BlockPeers drops datagrams from and to these addresses only.
	BlockPeers []string `json:"blockPeers"`
}

func (u *UDP) dropsFrom(addr string) bool {
	return u.BlockIn || slices.Contains(u.BlockPeers, addr) ||
		(u.LossIn > 0 && rand.Float64() < u.LossIn)
}

func (u *UDP) dropsTo(addr string) bool {
	return u.BlockOut || slices.Contains(u.BlockPeers, addr)
}

// transport is the ordinary network transport with a filter on its datagrams.
type transport struct {
	*memberlist.NetTransport
	udp     atomic.Pointer[UDP]
	packets chan *memberlist.Packet
	done    chan struct{}
	closed  atomic.Bool

	packetsIn, packetsOut, packetsDropped atomic.Int64
}

// listen binds TCP and UDP to one port. A port of 0 is chosen by the system
// for TCP and may be taken for UDP, hence the attempts.
func listen(bind string, port int, udp UDP, logger *log.Logger) (*transport, error) {
	attempts := 1
	if port == 0 {
		attempts = 10
	}
	var nt *memberlist.NetTransport
	var err error
	for range attempts {
		nt, err = memberlist.NewNetTransport(&memberlist.NetTransportConfig{
			BindAddrs: []string{bind}, BindPort: port, Logger: logger,
		})
		if err == nil || !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	t := &transport{
		NetTransport: nt,
		packets:      make(chan *memberlist.Packet),
		done:         make(chan struct{}),
	}
	t.udp.Store(&udp)
	go t.filter()
	return t, nil
}

func (t *transport) filter() {
	for {
		select {
		case packet := <-t.NetTransport.PacketCh():
			t.packetsIn.Add(1)
			if t.udp.Load().dropsFrom(packet.From.String()) {
				t.packetsDropped.Add(1)
				continue
			}
			select {
			case t.packets <- packet:
			case <-t.done:
			}
		case <-t.done:
			// The listeners block on their channel until they see the shutdown.
			for {
				select {
				case <-t.NetTransport.PacketCh():
				case conn := <-t.NetTransport.StreamCh():
					_ = conn.Close()
				case <-time.After(time.Second):
					return
				}
			}
		}
	}
}

func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packets }

func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	return t.WriteToAddress(b, memberlist.Address{Addr: addr})
}

func (t *transport) WriteToAddress(b []byte, to memberlist.Address) (time.Time, error) {
	if t.udp.Load().dropsTo(to.Addr) {
		t.packetsDropped.Add(1)
		return time.Now(), nil
	}
	t.packetsOut.Add(1)
	return t.NetTransport.WriteToAddress(b, to)
}

func (t *transport) Shutdown() error {
	if t.closed.CompareAndSwap(false, true) {
		close(t.done)
	}
	return t.NetTransport.Shutdown()
}
