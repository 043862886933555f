// Command consul_agent is Consul's own agent in development mode, configured by the file that it is given. Two of its
// intervals that no file can set are shorter, so that tests see it forget services that stay critical. It ends when its
// standard input does: an agent must not outlive the tests that started it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/consul/agent"
	"github.com/hashicorp/consul/agent/config"
)

// 30 s and 1 min in released agents.
const intervals = `
	check_reap_interval = "200ms"
	check_deregister_interval_min = "1s"
`

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string) error {
	development := true
	load := func(source config.Source) (config.LoadResult, error) {
		return config.Load(config.LoadOpts{
			DevMode:       &development,
			ConfigFiles:   []string{file},
			DefaultConfig: source,
			Overrides: []config.Source{
				config.FileSource{Name: "intervals", Format: "hcl", Data: intervals},
			},
		})
	}
	parts, err := agent.NewBaseDeps(load, os.Stdout)
	if err != nil {
		return fmt.Errorf("configure the agent: %w", err)
	}
	it, err := agent.New(parts)
	if err != nil {
		return fmt.Errorf("make the agent: %w", err)
	}
	if err := it.Start(context.Background()); err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	it.StartSync()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(gone)
	}()
	select {
	case <-stop:
	case <-gone:
	case <-it.Failed():
	}
	err = it.ShutdownAgent()
	it.ShutdownEndpoints()
	return err
}
