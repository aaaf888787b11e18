package authn

import (
	"time"

	"aiforge.dev/forge"
)

// Race plays a revocation that comes between a token's look-up and its being cached,
// and reports whether the token is believed afterwards.
func Race() bool {
	c, now := newCache(), time.Now()
	epoch := c.epoch()
	c.clear()
	c.put("token", forge.Principal{}, now.Add(time.Minute), epoch)
	_, believed := c.get("token", now)
	return believed
}
