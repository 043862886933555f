package main

import (
	"bytes"
	"io"
	"log"
	"net"
	"time"

	"github.com/hashicorp/go-msgpack/v2/codec"
	"github.com/hashicorp/memberlist"
)

// ping is memberlist's message of type 0 with the fields it sends.
type ping struct {
	SeqNo      uint32
	Node       string
	SourceAddr []byte
	SourcePort uint16
	SourceNode string
}

// memory is a transport without sockets: packets are handed in, answers are
// counted and dropped.
type memory struct {
	packets chan *memberlist.Packet
	streams chan net.Conn
	written chan int
}

func (m *memory) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return net.IPv4(127, 0, 0, 1).To4(), 7946, nil
}

func (m *memory) WriteTo(b []byte, _ string) (time.Time, error) {
	m.written <- len(b)
	return time.Now(), nil
}

func (m *memory) PacketCh() <-chan *memberlist.Packet { return m.packets }

func (m *memory) DialTimeout(string, time.Duration) (net.Conn, error) {
	return nil, net.ErrClosed
}

func (m *memory) StreamCh() <-chan net.Conn { return m.streams }

func (m *memory) Shutdown() error { return nil }

// handlePings measures pings decoded and answered by one node without sockets;
// keyBytes of 0 means plaintext.
func handlePings(name string, keyBytes int) benchmark {
	return benchmark{name, "packets/s", 1, func() (func(int), error) {
		transport := &memory{
			packets: make(chan *memberlist.Packet, 256),
			streams: make(chan net.Conn),
			written: make(chan int, 256),
		}
		conf := memberlist.DefaultLANConfig()
		conf.Name = "bench"
		conf.Transport = transport
		conf.Logger = log.New(io.Discard, "", 0)
		conf.ProbeInterval, conf.GossipInterval, conf.PushPullInterval = 0, 0, 0
		conf.SecretKey = benchInput(keyBytes)
		if _, err := memberlist.Create(conf); err != nil {
			return nil, err
		}
		packet, err := pingPacket(keyBytes)
		if err != nil {
			return nil, err
		}
		from := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7947}
		return func(count int) {
			go func() {
				for range count {
					transport.packets <- &memberlist.Packet{
						Buf: append([]byte{}, packet...), From: from, Timestamp: time.Now(),
					}
				}
			}()
			for range count {
				<-transport.written
			}
		}, nil
	}}
}

func pingPacket(keyBytes int) ([]byte, error) {
	buf := bytes.NewBuffer([]byte{0})
	err := codec.NewEncoder(buf, &codec.MsgpackHandle{}).Encode(&ping{
		SeqNo: 123456, Node: "bench", SourceAddr: []byte{127, 0, 0, 1}, SourcePort: 7947,
		SourceNode: "gateway-1",
	})
	if err != nil || keyBytes == 0 {
		return buf.Bytes(), err
	}
	aead, err := gcm(keyBytes)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 12)
	return aead.Seal(append([]byte{1}, nonce...), nonce, buf.Bytes(), nil), nil
}
