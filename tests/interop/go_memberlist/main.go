// Command go_memberlist hosts nodes of the latest memberlist release.
package main

import (
	"althing.test/interop/peer"
	"github.com/hashicorp/memberlist"
)

func main() {
	peer.Run(func(conf *memberlist.Config, from *peer.Config) error {
		conf.Label = from.Label
		conf.SkipInboundLabelCheck = from.SkipInboundLabelCheck
		return nil
	})
}
