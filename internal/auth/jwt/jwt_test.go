package jwt_test

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"samsyn/internal/auth/jwt"
)

var now = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

// The keys of these tests, made once: RSA takes its time.
var ec, rsaKey, weak, ed = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }),
	sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) }),
	sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 1024)) }),
	sync.OnceValue(func() ed25519.PrivateKey { _, k, err := ed25519.GenerateKey(rand.Reader); return must(k, err) })

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type fields = map[string]any

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes a token of any header and payload, with nobody to stop it.
func sign(header, payload string, key any) string {
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	sum := sha256.Sum256([]byte(text))
	var sig []byte
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
		if err != nil {
			panic(err)
		}
		sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case *rsa.PrivateKey:
		sig = must(rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:]))
	case ed25519.PrivateKey:
		sig = ed25519.Sign(k, []byte(text))
	case []byte:
		h := hmac.New(sha256.New, k)
		h.Write([]byte(text))
		sig = h.Sum(nil)
	}
	return text + "." + b64(sig)
}

func text(f fields) string { return string(must(json.Marshal(f))) }

// with is a copy with some changed; nil takes away.
func with(f fields, change ...any) fields {
	f = maps.Clone(f)
	for i := 0; i+1 < len(change); i += 2 {
		if name := change[i].(string); change[i+1] == nil {
			delete(f, name)
		} else {
			f[name] = change[i+1]
		}
	}
	return f
}

var (
	goodHeader = fields{"alg": "ES256", "kid": "one", "typ": "at+jwt"}
	goodClaims = fields{"iss": "https://sts.example.no", "aud": "samsyn", "sub": "client", "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": "a"}
	want       = jwt.Expect{Types: []string{"at+jwt"}, Algorithms: jwt.Algorithms("ES256", "RS256"), Issuer: "https://sts.example.no", Audience: "samsyn", Now: now, Skew: 10 * time.Second}
)

func keys(kid, alg string) (jose.JSONWebKey, error) {
	return jwt.Fixed{
		{KeyID: "one", Key: &ec().PublicKey, Algorithm: "ES256", Use: "sig"},
		{KeyID: "rsa", Key: &rsaKey().PublicKey, Use: "sig"},
		{KeyID: "weak", Key: &weak().PublicKey},
		{KeyID: "ps", Key: &rsaKey().PublicKey, Algorithm: "PS256"},
		{KeyID: "enc", Key: &ec().PublicKey, Use: "enc"},
		{KeyID: "ed", Key: ed().Public()},
		{KeyID: "twice", Key: &ec().PublicKey}, {KeyID: "twice", Key: &ec().PublicKey},
	}.Key(context.Background(), kid, alg)
}

func TestGoodTokens(t *testing.T) {
	for name, raw := range map[string]string{
		"plain":          sign(text(goodHeader), text(goodClaims), ec()),
		"rsa":            sign(text(with(goodHeader, "alg", "RS256", "kid", "rsa")), text(goodClaims), rsaKey()),
		"long type":      sign(text(with(goodHeader, "typ", "application/AT+JWT")), text(goodClaims), ec()),
		"thumbprint":     sign(text(with(goodHeader, "x5t", "abc")), text(goodClaims), ec()),
		"one in a list":  sign(text(goodHeader), text(with(goodClaims, "aud", []string{"samsyn"})), ec()),
		"without nbf":    sign(text(goodHeader), text(with(goodClaims, "nbf", nil)), ec()),
		"clock ahead":    sign(text(goodHeader), text(with(goodClaims, "iat", now.Unix()+10, "nbf", now.Unix()+10)), ec()),
		"more is said":   sign(text(goodHeader), text(with(goodClaims, "deep", fields{"a": []any{1, fields{"b": nil}}})), ec()),
		"last second":    sign(text(goodHeader), text(with(goodClaims, "exp", now.Unix()+1)), ec()),
		"with no header": sign(` {"alg" : "ES256","typ":"at+jwt","kid":"one"} `, " "+text(goodClaims)+"\n", ec()),
	} {
		tok, err := jwt.Read(raw, want, keys)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if sub, err := tok.Text("sub"); err != nil || sub != "client" {
			t.Errorf("%s: sub %q, %v", name, sub, err)
		}
	}
}

// bad are tokens that nobody may believe, each wrong in one way.
func bad() map[string]string {
	head, claims := text(goodHeader), text(goodClaims)
	good := sign(head, claims, ec())
	parts := strings.Split(good, ".")
	h := func(change ...any) string { return sign(text(with(goodHeader, change...)), claims, ec()) }
	c := func(change ...any) string { return sign(head, text(with(goodClaims, change...)), ec()) }
	raw := func(payload string) string { return sign(head, payload, ec()) }
	twice := func(member string) string {
		return raw(strings.TrimSuffix(claims, "}") + "," + member + "}")
	}
	other := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	public := must(json.Marshal(jose.JSONWebKey{Key: &ec().PublicKey}))
	der := must(json.Marshal(jose.JSONWebKey{Key: &rsaKey().PublicKey}))
	var packed bytes.Buffer
	w := must(flate.NewWriter(&packed, 9))
	_, _ = w.Write([]byte(strings.Repeat(" ", 1<<20) + claims)) // into memory
	_ = w.Close()
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	jwe := must(must(jose.NewEncrypter(jose.A128GCM, jose.Recipient{Algorithm: jose.PBES2_HS256_A128KW, Key: "secret", PBES2Count: 1000}, nil)).Encrypt([]byte(claims)))
	return map[string]string{
		"empty": "", "no dots": "abc", "two parts": parts[0] + "." + parts[1], "four parts": good + ".x", "encrypted": must(jwe.CompactSerialize()),
		"no signature": parts[0] + "." + parts[1] + ".", "no payload": parts[0] + ".." + parts[2], "no header": "." + parts[1] + "." + parts[2],
		"padded": parts[0] + "=." + parts[1] + "." + parts[2], "line break": parts[0] + "\n." + parts[1] + "." + parts[2], "space": " " + good, "standard base64": strings.ReplaceAll(good, ".", "+."),
		"too long": sign(head, text(with(goodClaims, "x", strings.Repeat("x", jwt.MaxSize))), ec()),
		"trailing bits": func() string {
			last := parts[2][len(parts[2])-1]
			return good[:len(good)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[(strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", last)+1)%64])
		}(),
		"JSON serialisation": `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,

		"none": sign(text(with(goodHeader, "alg", "none")), claims, nil), "none, signed": h("alg", "none"), "NONE": h("alg", "NoNe"), "no alg": h("alg", nil), "alg a number": h("alg", 1), "alg null": sign(`{"alg":null,"kid":"one","typ":"at+jwt"}`, claims, ec()),
		"HS256 with the public key": sign(text(with(goodHeader, "alg", "HS256", "kid", "rsa")), claims, der), "HS256": sign(text(with(goodHeader, "alg", "HS256")), claims, []byte("secret")),
		"HS512": h("alg", "HS512"), "alg that is not allowed": sign(text(with(goodHeader, "alg", "EdDSA", "kid", "ed")), claims, ed()), "small letters": h("alg", "es256"),
		"of another family": sign(text(with(goodHeader, "alg", "RS256")), claims, rsaKey()), "another curve": h("alg", "ES384"), "PS for RS": sign(text(with(goodHeader, "alg", "RS256", "kid", "ps")), claims, rsaKey()),
		"weak key": sign(text(with(goodHeader, "alg", "RS256", "kid", "weak")), claims, weak()), "key to encrypt with": h("kid", "enc"), "unknown key": h("kid", "nobody"), "key that stands twice": h("kid", "twice"), "no kid": h("kid", nil), "kid a list": h("kid", []string{"one"}), "kid a path": h("kid", "../../dev/null"),
		"another's signature": sign(head, claims, other), "signature of nothing": parts[0] + "." + parts[1] + "." + b64(make([]byte, 64)), "claims were changed": parts[0] + "." + b64([]byte(text(with(goodClaims, "sub", "x")))) + "." + parts[2], "header was changed": b64([]byte(text(with(goodHeader, "x5t", "x")))) + "." + parts[1] + "." + parts[2],

		"no typ": h("typ", nil), "typ JWT": h("typ", "JWT"), "typ of an ID token": h("typ", "id+jwt"), "typ of a proof": h("typ", "dpop+jwt"), "typ of a logout": h("typ", "logout+jwt"), "typ of a client": h("typ", "client-authentication+jwt"), "typ a number": h("typ", 7),
		"key in the header": h("jwk", json.RawMessage(public)), "key at an address": h("jku", "https://evil.example/keys"), "certificate at an address": h("x5u", "https://evil.example/c.pem"), "certificate in the header": h("x5c", []string{"MII"}),
		"crit": h("crit", []string{"exp"}), "b64": h("b64", false, "crit", []string{"b64"}), "zip": sign(text(with(goodHeader, "zip", "DEF")), packed.String(), ec()), "enc": h("enc", "A256GCM"), "p2c": h("p2c", 1000000), "cty": h("cty", "JWT"), "unknown parameter": h("x", 1),
		"header no object": sign(`["ES256"]`, claims, ec()), "header null": sign(`null`, claims, ec()), "alg twice": sign(`{"alg":"ES256","alg":"none","kid":"one","typ":"at+jwt"}`, claims, ec()), "alg in two cases": sign(`{"alg":"ES256","ALG":"none","kid":"one","typ":"at+jwt"}`, claims, ec()), "something after the header": sign(head+"{}", claims, ec()),

		"claims no object": raw(`"x"`), "claims null": raw(`null`), "claims a list": raw(`[1]`), "no JSON": raw(`{`), "something after": raw(claims + "1"), "too deep": raw(deep), "not UTF-8 JSON": raw("{\xff}"),
		"iss twice": twice(`"iss":"https://sts.example.no"`), "aud twice": twice(`"aud":"samsyn"`), "sub twice": twice(`"sub":"admin"`), "exp twice": twice(`"exp":9999999999`), "case variant": twice(`"AUD":"samsyn"`), "twice inside": twice(`"a":{"b":1,"b":2}`), "twice, escaped": twice(`"s\u0075b":"admin"`),

		"no iss": c("iss", nil), "another iss": c("iss", "https://other.example.no"), "iss with a slash": c("iss", "https://sts.example.no/"), "iss a list": c("iss", []string{"https://sts.example.no"}), "iss null": raw(strings.Replace(claims, `"iss":"https://sts.example.no"`, `"iss":null`, 1)), "iss with a zero": c("iss", "https://sts.example.no\x00"),
		"no aud": c("aud", nil), "another aud": c("aud", "other"), "two aud": c("aud", []string{"samsyn", "other"}), "aud the same twice": c("aud", []string{"samsyn", "samsyn"}), "aud empty list": c("aud", []string{}), "aud a number": c("aud", 5), "aud with an empty": c("aud", []string{"samsyn", ""}), "aud begins alike": c("aud", "samsyn2"), "aud an object": c("aud", fields{"samsyn": 1}),
		"no exp": c("exp", nil), "exp now": c("exp", now.Unix()), "expired": c("exp", now.Unix()-1, "iat", now.Unix()-100), "exp a text": c("exp", "9999999999"), "exp a float": c("exp", 1.5), "exp negative": c("exp", -1), "exp zero": c("exp", 0), "exp in milliseconds": c("exp", now.UnixMilli()), "exp huge": raw(strings.Replace(claims, fmt.Sprint(now.Add(time.Minute).Unix()), "1e30", 1)), "exp null": raw(strings.Replace(claims, fmt.Sprint(now.Add(time.Minute).Unix()), "null", 1)),
		"no iat": c("iat", nil), "iat in the future": c("iat", now.Unix()+11), "iat after exp": c("iat", now.Unix()+9, "exp", now.Unix()+5), "iat a text": c("iat", "now"), "nbf in the future": c("nbf", now.Unix()+11), "nbf a text": c("nbf", "soon"), "nbf null": raw(strings.TrimSuffix(text(with(goodClaims, "nbf", nil)), "}") + `,"nbf":null}`),
	}
}

func TestBadTokensAreRefused(t *testing.T) {
	all := bad()
	if len(all) < 60 {
		t.Fatalf("only %d bad tokens", len(all))
	}
	t.Logf("%d bad tokens", len(all))
	for name, raw := range all {
		_, err := jwt.Read(raw, want, keys)
		if !errors.Is(err, jwt.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "client") || len(err.Error()) > 200) {
			t.Errorf("%s: the error repeats the token: %v", name, err)
		}
	}
}

// TestBounds: the last second that is taken and the first that is not.
func TestBounds(t *testing.T) {
	life := want
	life.MaxLife = 120 * time.Second
	left := want
	left.MaxLeft = 60 * time.Second
	age := want
	age.MaxAge = 10 * time.Second
	for _, c := range []struct {
		name string
		want jwt.Expect
		iat  int64
		exp  int64
		good bool
	}{
		{"119 s of 120", life, 0, 119, true}, {"120 s of 120", life, 0, 120, true}, {"121 s of 120", life, 0, 121, false},
		{"life counts from iat", life, -60, 60, true}, {"life counts from iat, too long", life, -60, 61, false},
		{"59 s left of 60", left, 0, 59, true}, {"60 s left of 60", left, 0, 60, true}, {"61 s left of 60", left, 0, 61, false},
		{"9 s old", age, -9, 60, true}, {"10 s old", age, -10, 60, true}, {"11 s old", age, -11, 60, false},
		{"10 s ahead", age, 10, 60, true}, {"11 s ahead", age, 11, 60, false},
	} {
		raw := sign(text(goodHeader), text(with(goodClaims, "nbf", nil, "iat", now.Unix()+c.iat, "exp", now.Unix()+c.exp)), ec())
		if _, err := jwt.Read(raw, c.want, keys); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestNothingIsBelievedWithoutIssuerAndAudience(t *testing.T) {
	for _, c := range []fields{with(goodClaims, "iss", nil), with(goodClaims, "aud", nil), goodClaims} {
		e := want
		e.Issuer = ""
		if _, err := jwt.Read(sign(text(goodHeader), text(c), ec()), e, keys); !errors.Is(err, jwt.ErrRefused) {
			t.Errorf("without issuer: %v", err)
		}
		e = want
		e.Audience = ""
		if _, err := jwt.Read(sign(text(goodHeader), text(c), ec()), e, keys); !errors.Is(err, jwt.ErrRefused) {
			t.Errorf("without audience: %v", err)
		}
	}
	if got := jwt.Algorithms("none", "HS256", "", "A128KW", "ES256"); len(got) != 1 || got[0] != jose.ES256 {
		t.Errorf("algorithms %v", got)
	}
	symmetric := want
	symmetric.Algorithms = []jose.SignatureAlgorithm{jose.HS256, "none"}
	secret := func(string, string) (jose.JSONWebKey, error) { return jose.JSONWebKey{Key: []byte("secret")}, nil }
	for _, alg := range []string{"HS256", "none"} {
		if _, err := jwt.Read(sign(text(with(goodHeader, "alg", alg)), text(goodClaims), []byte("secret")), symmetric, secret); !errors.Is(err, jwt.ErrRefused) {
			t.Errorf("%s though somebody asked for it: %v", alg, err)
		}
	}
}

const address = "https://samsyn.example.no/fhir/Patient/a/$overview"

const token = "the token"

func ath(token string) string { sum := sha256.Sum256([]byte(token)); return b64(sum[:]) }

func proofHeader(key any) fields {
	return fields{"alg": "ES256", "typ": "dpop+jwt", "jwk": json.RawMessage(must(json.Marshal(jose.JSONWebKey{Key: key})))}
}

var proofClaims = fields{"jti": "p", "htm": "GET", "htu": address, "iat": now.Unix(), "ath": ath(token)}

func proof(raw ...string) error {
	_, err := jwt.ReadProof(http.Header{"Dpop": raw}, "GET", address, token, now)
	return err
}

// TestNHNsInvalidProofs are the twelve of NHN's test token service
// (HelseID.Samples, InvalidDPoPProofParameters), in its order, and the thirteenth that it
// has got since. Its replay, the same proof twice, is tried where replays are remembered.
func TestNHNsInvalidProofs(t *testing.T) {
	head := proofHeader(&ec().PublicKey)
	c := func(change ...any) string { return sign(text(head), text(with(proofClaims, change...)), ec()) }
	h := func(change ...any) string { return sign(text(with(head, change...)), text(proofClaims), ec()) }
	if err := proof(c()); err != nil {
		t.Fatalf("a good proof: %v", err)
	}
	good := c()
	for i, p := range []struct{ name, raw string }{
		{"DontSetHtuClaimValue", c("htu", nil)}, {"DontSetHtmClaimValue", c("htm", nil)},
		{"SetIatValueInThePast", c("iat", now.Unix()-7)}, {"SetIatValueInTheFuture", c("iat", now.Unix()+6)},
		{"DontSetAthClaimValue", c("ath", nil)}, {"DontSetAlgHeader", h("alg", nil)}, {"DontSetJwkHeader", h("jwk", nil)}, {"DontSetJtiClaim", c("jti", nil)},
		{"SetAlgHeaderToASymmetricAlgorithm", sign(text(with(head, "alg", "HS256")), text(proofClaims), []byte("secret"))},
		{"SetPrivateKeyInJwkHeader", sign(text(proofHeader(ec())), text(proofClaims), ec())},
		{"SetInvalidTypHeaderValue", h("typ", "JWT")}, {"SetAnInvalidSignature", good[:len(good)-8] + "AAAAAAAA"},
	} {
		if err := proof(p.raw); !errors.Is(err, jwt.ErrRefused) {
			t.Errorf("%d %s: %v", i+1, p.name, err)
		}
	}
}

func TestOtherInvalidProofs(t *testing.T) {
	head := proofHeader(&ec().PublicKey)
	c := func(change ...any) string { return sign(text(head), text(with(proofClaims, change...)), ec()) }
	h := func(change ...any) string { return sign(text(with(head, change...)), text(proofClaims), ec()) }
	other := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	secret := must(json.Marshal(fields{"kty": "oct", "k": "c2VjcmV0"}))
	point := must(json.Marshal(fields{"kty": "EC", "crv": "P-256", "x": b64(make([]byte, 32)), "y": b64(make([]byte, 32))}))
	for name, all := range map[string][]string{
		"none": {}, "two": {c(), c("jti", "q")}, "two in one": {c() + "," + c()}, "empty": {""},
		"none alg": {sign(text(with(head, "alg", "none")), text(proofClaims), nil)}, "another's key": {sign(text(head), text(proofClaims), other)},
		"weak key": {sign(text(with(proofHeader(&weak().PublicKey), "alg", "RS256")), text(proofClaims), weak())}, "symmetric key": {h("jwk", json.RawMessage(secret))}, "point that is not on the curve": {h("jwk", json.RawMessage(point))},
		"jwk a text": {h("jwk", "x")}, "jwk null": {sign(`{"alg":"ES256","typ":"dpop+jwt","jwk":null}`, text(proofClaims), ec())}, "jku": {h("jku", "https://evil.example")}, "x5c": {h("x5c", []string{"MII"})}, "crit": {h("crit", []string{"x"})},
		"another method": {c("htm", "POST")}, "method in small letters": {c("htm", "get")}, "another path": {c("htu", "https://samsyn.example.no/fhir/Patient/b/$overview")}, "another host": {c("htu", "https://evil.example/fhir/Patient/a/$overview")}, "another scheme": {c("htu", strings.Replace(address, "https", "http", 1))}, "another port": {c("htu", strings.Replace(address, "no/", "no:8443/", 1))},
		"host and more": {c("htu", strings.Replace(address, "samsyn.example.no", "samsyn.example.no@evil.example", 1))}, "longer path": {c("htu", address+"/")}, "relative": {c("htu", "/fhir/Patient/a/$overview")}, "backslash": {c("htu", strings.Replace(address, "/fhir", `\fhir`, 1))}, "dots": {c("htu", strings.Replace(address, "/fhir", "/x/../fhir", 1))}, "htu a list": {c("htu", []string{address})},
		"another token": {c("ath", ath("other"))}, "ath of nothing": {c("ath", ath(""))}, "ath empty": {c("ath", "")}, "jti a number": {c("jti", 1)}, "jti too long": {c("jti", strings.Repeat("x", 257))}, "jti empty": {c("jti", "")}, "no iat": {c("iat", nil)}, "iat a text": {c("iat", "now")},
		"expired": {c("exp", now.Unix()-6)}, "exp a text": {c("exp", "later")}, "not valid yet": {c("nbf", now.Unix()+6)}, "jti twice": {sign(text(head), strings.TrimSuffix(text(proofClaims), "}")+`,"jti":"q"}`, ec())}, "type of a token": {h("typ", "at+jwt")}, "no typ": {h("typ", nil)},
	} {
		if err := proof(all...); !errors.Is(err, jwt.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]string{
		"default port": c("htu", strings.Replace(address, "no/", "no:443/", 1)), "host in great letters": c("htu", strings.Replace(address, "samsyn", "SAMSYN", 1)), "query": c("htu", address+"?a=b#c"), "6 s old": c("iat", now.Unix()-6), "5 s ahead": c("iat", now.Unix()+5), "with exp": c("exp", now.Unix()+5, "nbf", now.Unix()), "with a kid": h("kid", "k"),
	} {
		if err := proof(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := jwt.ReadProof(http.Header{"Dpop": {c()}}, "GET", address, "", now); !errors.Is(err, jwt.ErrRefused) {
		t.Errorf("a proof for a token where there is none: %v", err)
	}
}

// TestProofsAreToldApart: what names a proof tells the key and the jti, and lives as long
// as the proof could be used.
func TestProofsAreToldApart(t *testing.T) {
	read := func(claims fields) jwt.Proof {
		return must(jwt.ReadProof(http.Header{"Dpop": {sign(text(proofHeader(&ec().PublicKey)), text(claims), ec())}}, "GET", address, token, now))
	}
	a, again, b := read(proofClaims), read(proofClaims), read(with(proofClaims, "jti", "q"))
	if a.ID != again.ID || a.ID == b.ID || a.JKT != must(jwt.Thumbprint(jose.JSONWebKey{Key: &ec().PublicKey})) {
		t.Errorf("%+v, %+v, %+v", a, again, b)
	}
	if a.Until.Before(now.Add(jwt.ProofWindow)) {
		t.Errorf("forgotten at %s, while it can still be used", a.Until)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sign(text(goodHeader), text(goodClaims), ec()))
	for _, raw := range bad() {
		f.Add(raw)
	}
	good := sign(text(goodHeader), text(goodClaims), ec())
	f.Fuzz(func(t *testing.T, raw string) {
		tok, err := jwt.Read(raw, want, keys)
		if err == nil && tok.Claims == nil || err != nil && !errors.Is(err, jwt.ErrRefused) {
			t.Fatalf("%v, %v", tok, err)
		}
		if err == nil && len(strings.Split(raw, ".")) != 3 && raw != good {
			t.Fatalf("believed %q", raw)
		}
	})
}

func FuzzProof(f *testing.F) {
	head := proofHeader(&ec().PublicKey)
	f.Add(sign(text(head), text(proofClaims), ec()), "GET", address)
	f.Add(sign(text(head), text(proofClaims), ec()), "POST", "https://[::1]:443/")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, raw, method, address string) {
		p, err := jwt.ReadProof(http.Header{"Dpop": {raw}}, method, address, token, now)
		if err == nil && (p.JKT == "" || p.ID == "" || p.Until.IsZero()) || err != nil && !errors.Is(err, jwt.ErrRefused) {
			t.Fatalf("%+v, %v", p, err)
		}
	})
}
