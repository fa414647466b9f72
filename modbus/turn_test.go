package modbus

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestAYieldedLineGoesToWhoSeizesIt, although other requests that wait are due before: they would yield it, too, to
// one another and without end. Given up, it goes to the one that is due first.
func TestAYieldedLineGoesToWhoSeizesIt(t *testing.T) {
	for name, c := range map[string]struct {
		leave func(*turns, *turn)
		want  string
	}{"yielded": {(*turns).yield, "urgent"}, "given up": {(*turns).give, "early"}} {
		synctest.Test(t, func(t *testing.T) {
			var line turns
			now := time.Now()
			holder := &turn{due: now}
			if err := line.take(t.Context(), holder, nil); err != nil {
				t.Fatal(err)
			}
			got := make(chan string, 4)
			wait := func(who string, w *turn) {
				if line.take(t.Context(), w, nil) == nil {
					got <- who
					line.give(w)
				}
			}
			go wait("early", &turn{due: now.Add(time.Millisecond)})
			go wait("late", &turn{due: now.Add(time.Hour)})
			go wait("urgent", &turn{due: now.Add(time.Second), seizes: true})
			go wait("listener", &turn{due: now, seizes: true, listens: true})
			synctest.Wait()
			c.leave(&line, holder)
			if first := <-got; first != c.want {
				t.Errorf("%s: the line is the %s one's, want the %s one's", name, first, c.want)
			}
			for range 3 { // and every other one gets it
				<-got
			}
		})
	}
}
