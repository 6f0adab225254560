package adapters

import "embed"

// Connectors holds the sources that are connected by a file alone:
// <system>/connector.yaml. Package internal/connector reads them.
//
//go:embed */connector.yaml
var Connectors embed.FS
