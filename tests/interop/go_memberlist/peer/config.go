package peer

import (
	"fmt"
	"time"

	"github.com/hashicorp/memberlist"
)

// Config describes one node. Absent fields keep the preset's value; byte
// fields are base64 in JSON.
type Config struct {
	Name                  string `json:"name"`
	Bind                  string `json:"bind"`
	Port                  int    `json:"port"`
	Preset                string `json:"preset"`
	ProbeIntervalMs       *int   `json:"probeIntervalMs"`
	ProbeTimeoutMs        *int   `json:"probeTimeoutMs"`
	GossipIntervalMs      *int   `json:"gossipIntervalMs"`
	GossipToTheDeadMs     *int   `json:"gossipToTheDeadMs"`
	PushPullIntervalMs    *int   `json:"pushPullIntervalMs"`
	TCPTimeoutMs          *int   `json:"tcpTimeoutMs"`
	DeadNodeReclaimMs     *int   `json:"deadNodeReclaimMs"`
	SuspicionMult         *int   `json:"suspicionMult"`
	RetransmitMult        *int   `json:"retransmitMult"`
	IndirectChecks        *int   `json:"indirectChecks"`
	GossipNodes           *int   `json:"gossipNodes"`
	UDPBufferSize         *int   `json:"udpBufferSize"`
	ProtocolVersion       *uint8 `json:"protocolVersion"`
	Compression           *bool  `json:"compression"`
	VerifyIncoming        *bool  `json:"verifyIncoming"`
	VerifyOutgoing        *bool  `json:"verifyOutgoing"`
	DisableTCPPings       bool   `json:"disableTcpPings"`
	SkipInboundLabelCheck bool   `json:"skipInboundLabelCheck"`
	Label                 string `json:"label"`
	// DelegateVersions is min, max, current.
	DelegateVersions [3]uint8 `json:"delegateVersions"`
	// Keys are the ring, primary first.
	Keys       [][]byte `json:"keys"`
	Meta       []byte   `json:"meta"`
	UserState  []byte   `json:"userState"`
	AckPayload []byte   `json:"ackPayload"`
	// CountUserOnly keeps user messages out of the events; stats count them.
	CountUserOnly bool `json:"countUserOnly"`
	UDP           UDP  `json:"udp"`
}

// Tune applies the settings that not every memberlist release has.
type Tune func(conf *memberlist.Config, from *Config) error

func (c *Config) memberlistConfig(tune Tune) (*memberlist.Config, error) {
	var conf *memberlist.Config
	switch c.Preset {
	case "lan":
		conf = memberlist.DefaultLANConfig()
	case "wan":
		conf = memberlist.DefaultWANConfig()
	case "local", "":
		conf = memberlist.DefaultLocalConfig()
	default:
		return nil, fmt.Errorf("unknown preset %q: lan, wan or local", c.Preset)
	}
	conf.Name = c.Name
	conf.BindAddr = c.Bind
	setDuration(&conf.ProbeInterval, c.ProbeIntervalMs)
	setDuration(&conf.ProbeTimeout, c.ProbeTimeoutMs)
	setDuration(&conf.GossipInterval, c.GossipIntervalMs)
	setDuration(&conf.GossipToTheDeadTime, c.GossipToTheDeadMs)
	setDuration(&conf.PushPullInterval, c.PushPullIntervalMs)
	setDuration(&conf.TCPTimeout, c.TCPTimeoutMs)
	setDuration(&conf.DeadNodeReclaimTime, c.DeadNodeReclaimMs)
	set(&conf.SuspicionMult, c.SuspicionMult)
	set(&conf.RetransmitMult, c.RetransmitMult)
	set(&conf.IndirectChecks, c.IndirectChecks)
	set(&conf.GossipNodes, c.GossipNodes)
	set(&conf.UDPBufferSize, c.UDPBufferSize)
	set(&conf.ProtocolVersion, c.ProtocolVersion)
	set(&conf.EnableCompression, c.Compression)
	set(&conf.GossipVerifyIncoming, c.VerifyIncoming)
	set(&conf.GossipVerifyOutgoing, c.VerifyOutgoing)
	conf.DisableTcpPings = c.DisableTCPPings
	conf.DelegateProtocolMin = c.DelegateVersions[0]
	conf.DelegateProtocolMax = c.DelegateVersions[1]
	conf.DelegateProtocolVersion = c.DelegateVersions[2]
	if len(c.Keys) > 0 {
		ring, err := memberlist.NewKeyring(c.Keys, c.Keys[0])
		if err != nil {
			return nil, err
		}
		conf.Keyring = ring
	}
	if err := tune(conf, c); err != nil {
		return nil, err
	}
	return conf, nil
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func setDuration(field *time.Duration, ms *int) {
	if ms != nil {
		*field = time.Duration(*ms) * time.Millisecond
	}
}
