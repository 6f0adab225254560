package mapping

import "embed"

// Shipped holds the maps and code tables that Samsyn is delivered with, as Load
// wants them: maps/<system>/<kind>.yaml and codes/<table>.csv.
//
//go:embed maps codes
var Shipped embed.FS
