module kioskd/scripts/modbus

go 1.26.0

require (
	github.com/creack/pty v1.1.24
	github.com/goburrow/modbus v0.1.0
	github.com/grid-x/modbus v0.0.0-20260701064235-82e41c9acfb6
	github.com/simonvetter/modbus v1.6.4
	kioskd v0.0.0
)

require (
	github.com/goburrow/serial v0.1.0 // indirect
	github.com/grid-x/serial v0.0.0-20211107191517-583c7356b3aa // indirect
	go.bug.st/serial v1.8.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace kioskd => ../..
