package main

import (
	"os"
	"time"
)

// start measures how soon forge is ready on a folder that has the demo, what it holds
// when nobody asks, and the size of its binary.
func (b *bench) start() error {
	data, err := b.demo()
	if err != nil {
		return err
	}
	var ready, cpu, idle, together []float64
	for range b.times(5) {
		s, err := b.serve(data)
		if err != nil {
			return err
		}
		ready = append(ready, s.readyAfter.Seconds())
		cpu = append(cpu, s.cpu())
		s.settle()
		time.Sleep(2 * time.Second)
		w := watchMemory(s.pid()).end()
		idle, together = append(idle, w.server), append(together, w.sum)
		s.stop()
	}
	info, err := os.Stat(b.forge)
	if err != nil {
		return err
	}
	b.out.add(figure{Name: "ready, with the demo's data", Unit: "s", Values: ready}.most(2))
	b.out.add(figure{Name: "the same", Unit: "CPU-s", Values: cpu})
	b.out.add(figure{Name: "memory at rest, server", Unit: "MB", Values: idle}.most(250))
	b.out.add(figure{Name: "memory at rest, with its children", Unit: "MB", Values: together})
	b.out.add(figure{Name: "size of the stripped binary", Unit: "MB", Value: float64(info.Size()) / 1e6}.most(200))
	return nil
}
