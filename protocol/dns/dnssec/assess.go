package dnssec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
)

// assess looks at the signatures of a set: stale ones have to go, and those of
// missing to be made.
func (p *Plan) assess(owner dns.Name, set, sigs dns.RRset, who []*signer) (stale [][]byte, missing []*signer) {
	made := make([]bool, len(who))
	var standIns []signature
	var standInData [][]byte
	believed := p.unchanged(owner, set)
	for d := range data(sigs) {
		s, ok := readSignature(d)
		if !ok || sigs.TTL != set.TTL || !p.fresh(s, owner, set) {
			stale = append(stale, d)
			continue
		}
		if i := signerOf(s, who); i >= 0 && !made[i] && (believed || p.verifies(who[i], s, owner, set)) {
			made[i] = true
		} else if j := signerOf(s, p.roles.retiring); i < 0 && j >= 0 && (believed || p.verifies(p.roles.retiring[j], s, owner, set)) {
			standIns, standInData = append(standIns, s), append(standInData, d)
		} else {
			stale = append(stale, d)
		}
	}
	// A retiring key's signature stands for a new one until it would be renewed;
	// but the keys' own set is for those that the parent zone points to.
	done := map[Algorithm]bool{}
	for i, w := range who {
		if made[i] {
			done[w.Algorithm()] = true
		}
	}
	for i, s := range standIns {
		if done[s.algorithm] || signsKeys(set.Type) {
			stale = append(stale, standInData[i])
			continue
		}
		done[s.algorithm] = true
		for j, w := range who {
			made[j] = made[j] || w.Algorithm() == s.algorithm
		}
	}
	for i, w := range who {
		if !made[i] {
			missing = append(missing, w)
		}
	}
	return stale, missing
}

func signsKeys(t dns.Type) bool {
	return t == dns.TypeDNSKEY || t == dns.TypeCDS || t == dns.TypeCDNSKEY
}

func signerOf(s signature, who []*signer) int {
	for i, w := range who {
		if w.tag == s.tag && w.Algorithm() == s.algorithm {
			return i
		}
	}
	return -1
}

// fresh reports whether s can stay, as far as that can be seen without computing.
func (p *Plan) fresh(s signature, owner dns.Name, set dns.RRset) bool {
	left := s.left(p.now)
	return s.covered == set.Type && s.labels == ownerLabels(owner) && s.originalTTL == set.TTL && bytes.Equal(s.signer, p.origin) &&
		s.since(p.now) >= 0 && left > p.policy.Refresh+p.policy.Batch && left <= p.policy.Validity+time.Hour
}

// unchanged reports whether the set is one that was signed here.
func (p *Plan) unchanged(owner dns.Name, set dns.RRset) bool {
	if p.from == nil {
		return false
	}
	old, ok := p.from.RRset(owner, set.Type)
	return ok && old.TTL == set.TTL && bytes.Equal(old.Data, set.Data)
}

func (p *Plan) verifies(w *signer, s signature, owner dns.Name, set dns.RRset) bool {
	return verifies(s.algorithm, w.public, s.message(owner, set), s.sum)
}

// sign has a set signed by whom it is to be, as far as it is not.
func (p *Plan) sign(owner dns.Name, set, sigs dns.RRset) error {
	stale, missing := p.assess(owner, set, sigs, p.roles.of(set.Type))
	for _, d := range stale {
		if err := p.dropData(owner, sigs.TTL, d); err != nil {
			return err
		}
	}
	for _, w := range missing {
		p.work = append(p.work, task{owner: owner, set: set, s: w})
	}
	return nil
}

// drop has signatures go.
func (p *Plan) drop(owner dns.Name, sigs dns.RRset) error {
	for d := range data(sigs) {
		if err := p.dropData(owner, sigs.TTL, d); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) dropData(owner dns.Name, ttl uint32, d []byte) error {
	one := dns.RRset{Type: dns.TypeRRSIG, TTL: ttl, Data: append(binary.BigEndian.AppendUint16(nil, uint16(len(d))), d...)}
	rrs, err := one.RRs(owner)
	if err != nil {
		return fmt.Errorf("dnssec: %w", err)
	}
	p.removed = append(p.removed, rrs...)
	return nil
}

// dropAll has all signatures of a name go but those of its proofs, which the
// chain looks after.
func (p *Plan) dropAll(n *node) error {
	for _, sigs := range n.sigs {
		if t := covered(sigs); t == dns.TypeNSEC || t == dns.TypeNSEC3 {
			continue
		}
		if err := p.drop(n.name, sigs); err != nil {
			return err
		}
	}
	return nil
}

// dropOrphans has the signatures of sets go that are not there.
func (p *Plan) dropOrphans(n *node) error {
	for _, sigs := range n.sigs {
		if t := covered(sigs); t == dns.TypeNSEC || t == dns.TypeNSEC3 || n.has(t) {
			continue
		}
		if err := p.drop(n.name, sigs); err != nil {
			return err
		}
	}
	return nil
}
