//go:build no_glfw

package main

import "time"

// Without a window there are no events to wait for.
func waitForEvents(time.Duration) {}

func endWait() {}
