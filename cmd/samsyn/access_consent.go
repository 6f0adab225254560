package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
	"samsyn/internal/gate"
)

func newAccessConsent(g *globals) *cobra.Command {
	var who about
	var when period
	var services, to, topics, except, signed, text, language, how, withdraw string
	cmd := &cobra.Command{
		Use:   "consent",
		Short: "Note a consent, who signed it, or that it was taken back",
		Long: `Notes a consent that was signed on paper or said: whose words (--services), to whom (--viewer),
until when, and by whom (--signed child,guardian:ID,barnevern). It is active when everybody has
signed who must, by the child's age, the service and who has parental responsibility.
--withdraw ID takes one back, for the first of --signed, from this instant on. It prints id and status.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			signatures, err := signaturesOf(signed, how)
			if err != nil {
				return err
			}
			if withdraw != "" {
				if len(signatures) != 1 {
					return usageError{fmt.Errorf("--signed names the one who takes it back")}
				}
				return who.with(cmd.Context(), g, func(a *app.App, r gate.Request, person care.PersonID) error {
					c, err := a.Rights.Withdraw(cmd.Context(), r, person, withdraw, signatures[0].Party, signatures[0].Signer, "")
					return g.told(c, err)
				})
			}
			origins, err := servicesOf("--services", services)
			if err != nil {
				return err
			}
			return who.with(cmd.Context(), g, func(a *app.App, r gate.Request, person care.PersonID) error {
				from, until, err := when.read(a)
				if err != nil {
					return err
				}
				c, err := a.Rights.Propose(cmd.Context(), r, care.Consent{Person: person, Origins: origins, Topics: split(topics), ExceptTopics: split(except),
					Receivers: []care.Receiver{{Viewer: to}}, From: from, Until: until, TextVersion: text, Language: language, Voluntary: true})
				for _, s := range signatures {
					if err == nil {
						c, err = a.Rights.Sign(cmd.Context(), r, person, c.ID, s)
					}
				}
				return g.told(c, err)
			})
		},
	}
	who.flags(cmd)
	when.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&services, "services", "", "services whose words may be seen, with commas between")
	f.StringVar(&to, "viewer", "", "who may see them")
	f.StringVar(&topics, "topics", "", "only these topics, with commas between (default: all)")
	f.StringVar(&except, "except-topics", "", "but these topics")
	f.StringVar(&signed, "signed", "", "who signed: child, guardian:ID, barnevern, with commas between")
	f.StringVar(&how, "how", "paper", "how: paper or oral")
	f.StringVar(&text, "text", "samtykke-2026-1", "the text that was read")
	f.StringVar(&language, "language", "nb", "the language that it was read in")
	f.StringVar(&withdraw, "withdraw", "", "take back the consent with this id")
	return cmd
}

func (g *globals) told(c care.Consent, err error) error {
	if err == nil {
		fmt.Fprintln(g.out, "consent", c.ID, c.Status)
	}
	return err
}

func signaturesOf(text, how string) ([]care.Signature, error) {
	var out []care.Signature
	for _, one := range split(text) {
		party, signer, _ := strings.Cut(strings.TrimSpace(one), ":")
		switch p := care.Party(party); p {
		case care.PartyChild, care.PartyGuardian, care.PartyBarnevern:
			out = append(out, care.Signature{Party: p, Signer: signer, How: how})
		default:
			return nil, usageError{fmt.Errorf("--signed %q is none of child, guardian:ID, barnevern", party)}
		}
	}
	return out, nil
}
