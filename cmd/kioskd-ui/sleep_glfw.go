//go:build !no_glfw

package main

import (
	"time"

	"github.com/go-gl/glfw/v3.3/glfw"
)

// waitForEvents waits for the window system, at most so long, and runs the callbacks of what came.
func waitForEvents(most time.Duration) { glfw.WaitEventsTimeout(most.Seconds()) }

// endWait ends a wait of another goroutine.
func endWait() { glfw.PostEmptyEvent() }
