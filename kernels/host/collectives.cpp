// Where threads meet: the block's barrier and the warps' collectives.
#include <cstring>

#include "block.h"

namespace weft::host {

namespace {
bool same(Site a, Site b) { return a.line == b.line && !std::strcmp(a.file, b.file); }
}  // namespace

void Block::barrier(Site site) {
  if (barrier_arrived_ == 0) {
    barrier_site_ = site;
    barrier_first_ = current_;
  } else if (!same(site, barrier_site_)) {
    fail("divergent __syncthreads(): thread %u is at %s:%d, thread %u at %s:%d", barrier_first_, barrier_site_.file,
         barrier_site_.line, current_, site.file, site.line);
  }
  state_[current_] = at_barrier;
  if (++barrier_arrived_ == alive_) release_barrier();
  suspend();
}

int Block::barrier_count(int predicate, Site site) {
  count_now_ += predicate != 0;
  barrier(site);
  return count_result_;
}

void Block::release_barrier() {
  barrier_arrived_ = 0;
  count_result_ = count_now_;
  count_now_ = 0;
  if (clock.on) clock.block_sync = ++clock.now;
  for (uint32_t i = threads_; i-- > 0;)       // the last pushed runs first
    if (state_[order_[i]] == at_barrier) make_ready(order_[i]);
}

void Block::collective(uint32_t mask, Collective what, void* argument, Complete complete, Site site) {
  Warp& w = warps_[current_ >> 5];
  const uint32_t lane = current_ & 31, bit = 1u << lane;
  mask &= w.exist;
  if (!(mask & bit)) fail("warp collective at %s:%d: lane %u is not in its own mask %08x", site.file, site.line, lane, mask);
  if (mask & ~w.alive)
    fail("warp collective at %s:%d: mask %08x names lanes %08x that have already exited", site.file, site.line, mask,
         mask & ~w.alive);
  Gathering* g = nullptr;
  for (int i = 0; i < w.open; ++i) {
    Gathering& other = w.gathering[i];
    if (other.mask == mask) {
      g = &other;
    } else if (other.mask & mask) {
      fail("warp collectives with overlapping masks: %08x at %s:%d and %08x at %s:%d", other.mask, other.site.file,
           other.site.line, mask, site.file, site.line);
    }
  }
  if (!g) {
    if (w.open == 4) fail("more than 4 open collectives in one warp at %s:%d", site.file, site.line);
    g = &w.gathering[w.open++];
    *g = {mask, 0, what, site, complete};
  } else if (g->what != what || g->complete != complete || !same(g->site, site)) {
    fail("lanes of one warp meet at different collectives: %s:%d and %s:%d", g->site.file, g->site.line, site.file, site.line);
  }
  w.argument[lane] = argument;
  g->arrived |= bit;
  state_[current_] = in_collective;
  if (g->arrived == mask) {
    complete(w.argument, mask);
    *g = w.gathering[--w.open];
    if (clock.on) note_warp_sync(mask, w);
    for (uint32_t i = 0; i < 32; ++i) {       // the last pushed runs first
      const uint32_t l = order_rule_ == Order::reverse ? i : 31 - i;
      if ((mask >> l) & 1) make_ready((current_ & ~31u) + l);
    }
  }
  suspend();
}

void Block::note_warp_sync(uint32_t mask, const Warp& w) {
  const uint32_t warp = current_ >> 5;
  ++clock.now;
  if (mask == w.alive) {
    clock.warp_sync[warp] = clock.now;
    return;
  }
  for (int a = 0; a < 32; ++a)
    for (int b = 0; b < 32; ++b)
      if ((mask >> a) & (mask >> b) & 1) clock.pair_sync[warp][a][b] = clock.now;
}

void barrier(Site s) { current_block->barrier(s); }
int barrier_count(int predicate, Site s) { return current_block->barrier_count(predicate, s); }
void collective(uint32_t mask, Collective what, void* argument, Complete complete, Site s) {
  current_block->collective(mask, what, argument, complete, s);
}
unsigned lane() { return current_block->current() & 31; }

}  // namespace weft::host
