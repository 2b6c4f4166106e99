package dhcp

import (
	"time"

	"altee/guest/ipv4"
)

// Keep holds on to a lease for as long as the machine runs, RFC 2131 §4.4.5. Where the lease is lost it says so
// to lost, acquires another and hands that to changed; both get the lease that was.
func (c *Client) Keep(lease Lease, lost func(Lease), changed func(was, is Lease)) {
	for lease.Expire > 0 {
		renewed, err := c.renew(lease)
		if err != nil {
			lost(lease)
			renewed, _ = c.Acquire(0)
		}
		if err != nil || renewed.Address != lease.Address {
			changed(lease, renewed)
		}
		lease = renewed
	}
}

// renew waits until the lease is half over, then asks its server, later any server, until the lease expires.
func (c *Client) renew(lease Lease) (Lease, error) {
	begin := time.Now()
	time.Sleep(lease.Renew)
	for {
		elapsed := time.Since(begin)
		to, end := lease.Server, lease.Rebind
		if elapsed >= lease.Rebind {
			to, end = ipv4.Broadcast, lease.Expire
		}
		if elapsed >= lease.Expire {
			return Lease{}, ErrTimeout
		}
		request := c.request(typeRequest, elapsed-lease.Renew)
		request.Client = lease.Address.Address
		renewed, err := c.acknowledged(request, to, min(longestWait, end-elapsed))
		if err == nil || err == errRefused {
			return renewed, err
		}
		// Half of the remaining time, but not more often than once a minute.
		pause := max((end-time.Since(begin))/2, time.Minute)
		time.Sleep(min(pause, max(lease.Expire-time.Since(begin), 0)))
	}
}
