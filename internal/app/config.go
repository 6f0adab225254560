package app

import (
	"cmp"
	"net"
	"slices"
	"time"

	"samsyn/adapters"
	"samsyn/internal/auth"
	"samsyn/internal/care"
	"samsyn/internal/outbound"
)

// Config is the whole configuration of one instance. Each field's comment gives
// its default. ReadConfig makes it from a file and the environment.
type Config struct {
	Instance  Instance          `yaml:"instance"`
	Store     StoreConfig       `yaml:"store"`
	Server    ServerConfig      `yaml:"server"`
	Jobs      JobsConfig        `yaml:"jobs"`
	Limits    LimitsConfig      `yaml:"limits"`
	Telemetry TelemetryConfig   `yaml:"telemetry"`
	Audit     AuditConfig       `yaml:"audit"`
	Sources   map[string]Source `yaml:"sources"`
	Viewers   map[string]Viewer `yaml:"viewers"`
	// Auth says who may vouch for whom (docs/sign-in.md). Default: nobody signs in.
	Auth auth.Config `yaml:"auth"`
}

// Instance says where and for what this instance runs.
type Instance struct {
	// Test accepts synthetic national numbers (month + 80 or + 40). Default false:
	// they are refused, so that test data never meets real people.
	Test bool `yaml:"test"`
	// Organisation is the municipality's organisation number. Whoever belongs to another sees
	// nothing, and without it nobody sees anything. Required with sign-in. Default for test instances: 310000000.
	Organisation string `yaml:"organisation"`
	// Name of the instance, as the audit log tells it: Samsyn.
	Name string `yaml:"name"`
	// Language of texts: nb (default), nn or en.
	Language string `yaml:"language"`
	// TimeZone in which days are counted: Europe/Oslo.
	TimeZone string `yaml:"time_zone"`
	// Maps is a folder with maps/ and codes/ that are added to the shipped ones; a file
	// with the name of a shipped one takes its place. Default: the shipped alone.
	Maps string `yaml:"maps"`
	// Profiles is a folder with guides (<name>.yaml, docs/mapping.md) that are added to the
	// shipped ones; a file with the name of a shipped one takes its place. Default: the shipped alone.
	Profiles string `yaml:"profiles"`
	// Connectors is a folder with <system>/connector.yaml for systems that are not
	// shipped (docs/adding-a-source.md). Default: none.
	Connectors string `yaml:"connectors"`
}

// ServerConfig says where pages and the API are served.
type ServerConfig struct {
	// Address to listen on: 127.0.0.1:8080. Others than loopback need sign-in, and TLS or a trusted proxy.
	Address string `yaml:"address"`
	// Public is the address that browsers and systems know this instance by:
	// https://samsyn.example.no. Required with sign-in.
	Public string `yaml:"public"`
	// TLS names the files of certificate and key. Default: none, a proxy in front has them.
	TLS TLSConfig `yaml:"tls"`
	// TrustedProxies are networks (CIDR) from which X-Forwarded-For and -Proto are believed.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// PushSecret guards POST /adapters/{source}/…: the sender gives it as a bearer token. Without it nothing can be pushed.
	PushSecret outbound.Secret `yaml:"push_secret"`
	// Pprof opens /debug/pprof to programs on this machine: false.
	Pprof bool `yaml:"pprof"`
}

// TLSConfig names files in PEM.
type TLSConfig struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

// JobsConfig says what samsyn serve runs by itself, and when.
type JobsConfig struct {
	// Off runs nothing: false.
	Off bool `yaml:"off"`
	// SyncSchedule is when each source's changes are read: "0 * * * *", every hour. Five cron
	// fields in the instance's time zone (CRON_TZ=… before them: in another), or "off".
	SyncSchedule string `yaml:"sync_schedule"`
	// ReconcileSchedule is when each source is compared as a whole: "0 2 * * *", at night.
	ReconcileSchedule string `yaml:"reconcile_schedule"`
	// RetentionSchedule is when what a source's retention lets go is deleted: "0 4 * * *", after
	// the compare. Nothing runs where no source has a retention.
	RetentionSchedule string `yaml:"retention_schedule"`
	// Workers is how many sources are read at once: 4.
	Workers int `yaml:"workers"`
	// LateAfter is how long after its due time something counts as not having happened: 3h.
	LateAfter time.Duration `yaml:"late_after"`
}

// TelemetryConfig says where traces go.
type TelemetryConfig struct {
	// OTLPEndpoint takes traces over OTLP/HTTP: http://127.0.0.1:4318. Default: nothing is traced.
	OTLPEndpoint string `yaml:"otlp_endpoint"`
}

// Source is one source system that is read.
type Source struct {
	// Name is the key in the file.
	Name string `yaml:"-"`
	// Order in which sources are listed and read: as they stand in the file.
	Order int `yaml:"-"`
	// System is the adapter: a folder in adapters/.
	System string `yaml:"system"`
	// Service is where the source's data originates; a map may decide otherwise for a record.
	Service care.Service `yaml:"service"`
	// Title is what people call it. Default: the name.
	Title string `yaml:"title"`
	// Off leaves the source out of every run.
	Off bool `yaml:"off"`
	// AllowPrivate lets the names in the source's addresses lead to private IP addresses,
	// as a system on the municipality's own network does. Loopback, link-local and metadata
	// addresses are refused all the same. An address that is written as a private IP
	// address needs no leave.
	AllowPrivate bool `yaml:"allow_private"`
	// Auth is how we sign in there; Headers are sent with every request.
	Auth    outbound.Auth     `yaml:"auth"`
	Headers map[string]string `yaml:"headers"`
	// SecretHeaders are like Headers, with values that are named by file or env.
	SecretHeaders map[string]outbound.Secret `yaml:"secret_headers"`
	// Timeout of one request: 60 s. Retries after the first try: 3.
	Timeout time.Duration `yaml:"timeout"`
	Retries int           `yaml:"retries"`
	// Schedule is when the source's changes are read. Default: jobs.sync_schedule.
	Schedule string `yaml:"schedule"`
	// Shards reads the source in parts that instances share, where the system can: false.
	Shards bool `yaml:"shards"`
	// Reconcile bounds the full compare of what the source lists with what is held.
	Reconcile ReconcileConfig `yaml:"reconcile"`
	// MaxSkew is how far the source's clock may be from ours before it is an alarm: 5m.
	MaxSkew time.Duration `yaml:"max_skew"`
	// Quarantine bounds what of it could not be used.
	Quarantine QuarantineConfig `yaml:"quarantine"`
	// Retention is how long is kept what the source does not say any more.
	Retention RetentionConfig `yaml:"retention"`
	// Settings are the adapter's own; its README lists them.
	Settings map[string]any `yaml:"settings"`

	adapter adapterConfig
}

// ReconcileConfig bounds a full compare.
type ReconcileConfig struct {
	// MaxVanish is the largest share of what is held that may vanish at once without a
	// person having looked: 0.05. Ten records may vanish whatever their share.
	MaxVanish float64 `yaml:"max_vanish"`
	// Window is how far back a source that cannot list is read again: 720h.
	Window time.Duration `yaml:"window"`
	// Schedule is when the source is compared. Default: jobs.reconcile_schedule.
	Schedule string `yaml:"schedule"`
}

// QuarantineConfig says when the quarantine of a source needs a person. Nothing of it is ever dropped.
type QuarantineConfig struct {
	// Cap is how much may wait: 10000. A page that would go over it is not taken, and the run ends there.
	Cap int `yaml:"cap"`
	// Rate is the share of what a run lists that may be quarantined without an alarm: 0.1;
	// Floor how many records it must be at the least: 20.
	Rate  float64 `yaml:"rate"`
	Floor int     `yaml:"floor"`
	// Oldest is how long something may wait without an alarm: 720h.
	Oldest time.Duration `yaml:"oldest"`
}

// Viewer is an entry of the directory: who she is here, and how she is known when she signs in.
type Viewer struct {
	Name string `yaml:"name"`
	// Title is shown and decides nothing: barnekoordinator, kontaktlærer.
	Title string `yaml:"title"`
	// Role is what she acts as, one of care.Roles. It comes from here and from no token.
	Role care.Role `yaml:"role"`
	// Service that she works in, and the organisation number of her unit.
	Service care.Service `yaml:"service"`
	Unit    string       `yaml:"unit"`
	// HPR number, which the provider must confirm.
	HPR string `yaml:"hpr"`
	// Duty names her as one who may be on duty for her service: where the table lets that service's
	// duty officers break the glass (barnevernvakt), she may.
	Duty bool `yaml:"duty"`
	// Person is who she is among the persons of this instance, for a child or a guardian.
	Person care.PersonID `yaml:"person"`
	// Subjects are how providers know her: issuer and sub, or number (samsyn number-hash).
	Subjects []auth.Subject `yaml:"subjects"`
	// Order is as in the file.
	Order int `yaml:"-"`
}

// adapterConfig is what each adapter's Config can do.
type adapterConfig interface {
	Validate() []error
	// Addresses are what the adapter calls: nothing outside their origins. None for one that calls nobody.
	Addresses() []string
	Open(d adapters.Deps) (adapters.Adapter, error)
}

// SourceNames gives the names of all sources in order.
func (c Config) SourceNames() []string {
	return inOrder(c.Sources, func(s Source) int { return s.Order })
}

// People gives the viewers in order, as those who were chosen on this very machine: nobody
// has signed in, and the machine vouches for them.
func (c Config) People() []care.Viewer {
	var all []care.Viewer
	for _, id := range inOrder(c.Viewers, func(v Viewer) int { return v.Order }) {
		v := c.Viewers[id].viewer(id)
		v.Tenant = c.Instance.Organisation
		all = append(all, v)
	}
	return all
}

func (v Viewer) viewer(id string) care.Viewer {
	return care.Viewer{ID: id, Name: cmp.Or(v.Name, id), Title: v.Title, Role: v.Role, Service: v.Service, Unit: v.Unit, HPR: v.HPR, Duty: v.Duty, Person: v.Person, Purpose: auth.PurposeOf(v.Role)}
}

// directory gives the viewers with how they are known.
func (c Config) directory() []auth.Person {
	var all []auth.Person
	for _, v := range c.People() {
		all = append(all, auth.Person{Viewer: v, Subjects: c.Viewers[v.ID].Subjects})
	}
	return all
}

func inOrder[V any](all map[string]V, order func(V) int) []string {
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(order(all[a]), order(all[b])), cmp.Compare(a, b))
	})
	return names
}

// Resolve fills in defaults and validates a configuration that was made in code.
func (c *Config) Resolve() error {
	r := reader{lines: map[string]int{}, fromEnv: map[string]string{}}
	c.setDefaults()
	r.validate(c)
	return r.error()
}

func (c *Config) setDefaults() {
	c.Instance.Name = cmp.Or(c.Instance.Name, "Samsyn")
	c.Instance.Language = cmp.Or(c.Instance.Language, "nb")
	c.Instance.TimeZone = cmp.Or(c.Instance.TimeZone, "Europe/Oslo")
	c.Store.Path = cmp.Or(c.Store.Path, "samsyn.db")
	c.Jobs.SyncSchedule = cmp.Or(c.Jobs.SyncSchedule, "0 * * * *")
	c.Jobs.ReconcileSchedule = cmp.Or(c.Jobs.ReconcileSchedule, "0 2 * * *")
	c.Jobs.RetentionSchedule = cmp.Or(c.Jobs.RetentionSchedule, "0 4 * * *")
	c.Jobs.Workers = cmp.Or(c.Jobs.Workers, 4)
	c.Audit.HeadsSchedule = cmp.Or(c.Audit.HeadsSchedule, "0 3 * * *")
	c.Jobs.LateAfter = cmp.Or(c.Jobs.LateAfter, 3*time.Hour)
	c.Server.Address = cmp.Or(c.Server.Address, "127.0.0.1:8080")
	c.Limits.withDefaults()
	c.Auth.SetDefaults()
	if c.Instance.Test {
		c.Instance.Organisation = cmp.Or(c.Instance.Organisation, "310000000")
	}
	for name, s := range c.Sources {
		s.Name = name
		s.Title = cmp.Or(s.Title, name)
		s.MaxSkew = cmp.Or(s.MaxSkew, 5*time.Minute)
		s.Quarantine = QuarantineConfig{Cap: cmp.Or(s.Quarantine.Cap, 10_000), Rate: cmp.Or(s.Quarantine.Rate, 0.1), Floor: cmp.Or(s.Quarantine.Floor, 20), Oldest: cmp.Or(s.Quarantine.Oldest, 30*24*time.Hour)}
		c.Sources[name] = s
	}
}

// loopback tells whether an address to listen on can only be reached from this machine.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
