package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
)

func newKeys(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "List, renew and destroy the keys that the store is sealed with",
		Long: `What can be read of people is sealed in the store, with keys of each service. The keys that
they are locked with lie in the file that store.keys names, beside the store by itself. A
backup of the store holds no key: keep a copy of that file apart from it (docs/operations.md).`,
		Args: none,
	}
	cmd.AddCommand(newKeysList(g), newKeysRotate(g), newKeysDestroy(g))
	return cmd
}

func newKeysList(g *globals) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show which keys there are, and since when",
		Args:  none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.read()
			if err != nil {
				return err
			}
			keys, err := app.Keys(cmd.Context(), c)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(g.out).Encode(keys)
			}
			w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "for\tkey\tmade\t")
			for _, k := range keys {
				switch {
				case !k.Destroyed.IsZero():
					fmt.Fprintf(w, "%s\t-\tdestroyed %s\t\n", k.Partition, k.Destroyed.Format(time.DateOnly))
				case k.Primary:
					fmt.Fprintf(w, "%s\t%08x\t%s\t\n", k.Partition, k.ID, k.Made.Format(time.DateOnly))
				default:
					fmt.Fprintf(w, "%s\t%08x\t%s\tfor what is not sealed anew yet\n", k.Partition, k.ID, k.Made.Format(time.DateOnly))
				}
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func newKeysRotate(g *globals) *cobra.Command {
	var names []string
	var resume bool
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Seal with new keys, and seal anew what is held",
		Long: `Gives the named services new keys and seals anew what is held, in small steps, while the program
runs. Where it is stopped, --resume goes on; nothing is unreadable meanwhile.`,
		Example: "  samsyn keys rotate --service bup,barnevern\n  samsyn keys rotate --service coordination\n  samsyn keys rotate --resume",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if resume == (len(names) > 0) {
				return usageError{fmt.Errorf("name --service, or --resume")}
			}
			c, err := g.read()
			if err != nil {
				return err
			}
			n, err := app.RotateKeys(cmd.Context(), c, names, resume, nil)
			if err != nil {
				return err
			}
			fmt.Fprintf(g.out, "%d texts sealed anew\n", n)
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&names, "service", nil, "services, or coordination, or instance")
	cmd.Flags().BoolVar(&resume, "resume", false, "go on with a rotation that was stopped")
	return cmd
}

func newKeysDestroy(g *globals) *cobra.Command {
	var service, confirm, who string
	cmd := &cobra.Command{
		Use:   "destroy",
		Short: "Delete everything that a service ever said, by its key",
		Long: `Destroys the key of a service. What it said can never be read again, here or in any backup of the
store, and is taken out of the store. It cannot be undone. Copies of the key file still
hold the key: destroy them too. Turn the service's sources off first.`,
		Example: "  samsyn keys destroy --service bup --confirm 'destroy bup' --who anders",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if service == "" || who == "" || confirm != "destroy "+service {
				return usageError{fmt.Errorf("--service and --who are required, and --confirm 'destroy SERVICE'")}
			}
			c, err := g.read()
			if err != nil {
				return err
			}
			n, err := app.DestroyKeys(cmd.Context(), c, service, who)
			if err != nil {
				return err
			}
			fmt.Fprintf(g.out, "the key of %s is destroyed; %d rows taken out\n", service, n)
			return nil
		},
	}
	cmd.Flags().StringVar(&service, "service", "", "the service")
	cmd.Flags().StringVar(&confirm, "confirm", "", "'destroy SERVICE'")
	cmd.Flags().StringVar(&who, "who", "", "who decided it")
	return cmd
}
