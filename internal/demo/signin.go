package demo

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"

	"samsyn/internal/app"
	"samsyn/internal/auth"
	"samsyn/internal/care"
	"samsyn/internal/outbound"
	"samsyn/internal/sim/idp"
)

// numbers are the invented national numbers of the demo's viewers (month + 80).
var numbers = map[string]string{"anders": "12838510068", "liv": "04908015016", "siv": "21929130038", "mette": "06817825018"}

// SignIn starts the simulated provider on this machine and lets the configuration's viewers
// sign in through it to the server at public. stop ends it. There is no other way to it:
// it is in no configuration file, and it refuses an instance with real people.
func SignIn(c *app.Config, public string, now func() time.Time) (stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	private := jose.JSONWebKey{Key: key, KeyID: "samsyn", Algorithm: "ES256", Use: "sig"}
	secret, err := json.Marshal(private)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	issuer := "http://" + l.Addr().String()
	client := idp.Client{ID: "samsyn-demo", Key: private.Public(), Redirects: []string{public + "/auth/callback"}, AfterLogout: []string{public + "/logginn"}, DPoP: true}
	var users []idp.User
	for _, v := range viewers() {
		users = append(users, idp.User{Sub: v.id, Name: v.name, Note: c.Viewers[v.id].Title, Claims: map[string]any{"helseid://claims/identity/pid": numbers[v.id],
			"helseid://claims/identity/security_level": "4", "helseid://claims/identity/assurance_level": "high", "helseid://claims/client/claims/orgnr_parent": c.Instance.Organisation}})
		given := c.Viewers[v.id]
		given.Subjects = []auth.Subject{{Issuer: issuer, Sub: v.id}}
		given.Role = cmp.Or(given.Role, care.RoleKoordinator)
		c.Viewers[v.id] = given
	}
	provider, err := idp.New(idp.Options{Synthetic: c.Instance.Test, Issuer: issuer, Now: now, Clients: []idp.Client{client}, Users: users})
	if err != nil {
		return nil, err
	}
	c.Server.Public = public
	c.Auth.Providers = map[string]auth.Provider{"demo": {Kind: "helseid", Issuer: issuer, ClientID: client.ID, Key: outbound.Secret{Value: string(secret)}, Title: "oppdiktet HelseID",
		Algorithm: "ES256", DPoP: true, Require: []string{"orgnr_parent"}}}
	if err := c.Resolve(); err != nil {
		return nil, err
	}
	s := &http.Server{Handler: provider, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	return func() error {
		err := s.Shutdown(context.Background())
		if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return err
	}, nil
}
