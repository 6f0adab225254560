package main

import (
	"cmp"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
)

func newServe(g *globals) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the pages and the API",
		Long: `Serves the coordinators' pages and the API until it is stopped (Ctrl-C). Other addresses
than loopback need sign-in and TLS (docs/sign-in.md). Without sign-in an instance with real
people serves nothing but its health.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := noCoreDumps(); err != nil {
				return fmt.Errorf("turn core dumps off: %w", err)
			}
			c, err := g.read()
			if err != nil {
				return err
			}
			if address != "" {
				c.Server.Address = address
				if err := c.Resolve(); err != nil {
					return err
				}
			}
			return g.withConfig(cmd.Context(), c, func(a *app.App) error {
				l, err := net.Listen("tcp", c.Server.Address)
				if err != nil {
					return fmt.Errorf("listen: %w", err)
				}
				at := cmp.Or(c.Server.Public, "http://"+l.Addr().String())
				fmt.Fprintf(g.out, "pages  %s/\nFHIR   %s/fhir/Patient/{id}/$overview\n", at, at)
				return a.Serve(cmd.Context(), l)
			})
		},
	}
	cmd.Flags().StringVarP(&address, "address", "a", "", "address to listen on (default: the configuration's, 127.0.0.1:8080)")
	return cmd
}
