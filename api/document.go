package api

import _ "embed"

// OpenAPI is the document of the API that the host's network has: version 1.
//
//go:embed openapi.yaml
var OpenAPI []byte
