// Command go_memberlist_v022 hosts nodes of memberlist v0.2.2 with go-msgpack
// v0.5.5: the old wire, still found in distributions.
package main

import (
	"errors"

	"althing.test/interop/peer"
	"github.com/hashicorp/memberlist"
)

func main() {
	peer.Run(func(_ *memberlist.Config, from *peer.Config) error {
		if from.Label != "" || from.SkipInboundLabelCheck {
			return errors.New("memberlist v0.2.2 knows no labels")
		}
		return nil
	})
}
