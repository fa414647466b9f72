module kioskd

go 1.26

require (
	github.com/google/go-cmp v0.7.0 // indirect
	go.bug.st/serial v1.8.0 // indirect
	golang.org/x/sys v0.43.0 // indirect
	golang.org/x/text v0.31.0 // indirect
)
