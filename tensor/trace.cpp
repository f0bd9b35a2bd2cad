#include "weft/tensor/trace.h"

#include "state.h"
#include "weft/tensor/autograd.h"

namespace weft {

Trace::Trace(const Context& context) : Watch(context), flops_before_(context.state().flops) {}

void Trace::call_begins() {
  const detail::ContextState& s = context().state();
  launches_ = s.queue->launches;
  flops_ = s.flops - flops_before_;        // they are counted just before the call
  now_ = {};
  s.device().record(*s.queue, now_.from);
}

void Trace::call_ends(const TableCall& call) {
  const detail::ContextState& s = context().state();
  s.device().record(*s.queue, now_.to);
  spans_.push_back(std::move(now_));
  flops_before_ = s.flops;
  Row row;
  row.phases = phases_, row.operation = row.op = call.op, row.sizes = call.sizes, row.bytes = call.bytes, row.flops = flops_;
  row.rule_of = rule_, row.rule_name = rule_name_;
  for (const auto& [kernel, count] : s.queue->launches) {
    const auto before = launches_.find(kernel);
    const uint64_t ran = count - (before == launches_.end() ? 0 : before->second);
    if (ran > 0) row.kernels += (row.kernels.empty() ? "" : ", ") + kernel + (ran > 1 ? " x" + std::to_string(ran) : "");
  }
  rows_.push_back(std::move(row));
}

void Trace::made(const char* operation, const Tensor&, const Tensors&) {
  for (size_t i = unclaimed_; i < rows_.size(); ++i) rows_[i].operation = operation;
  last_ = unclaimed_, unclaimed_ = rows_.size();
}

void Trace::recorded(const Node& node) {
  for (size_t i = last_; i < unclaimed_; ++i) rows_[i].node = node.number;
}

void Trace::rule_begins(const Node& node) { unclaimed_ = rows_.size(), rule_ = node.number, rule_name_ = node.name; }
void Trace::rule_ends(const Node&, const Tensors&) { unclaimed_ = rows_.size(), rule_ = 0, rule_name_ = ""; }

std::vector<Trace::Row> Trace::rows() const {
  const detail::ContextState& s = context().state();
  context().synchronise();
  std::vector<Row> all = rows_;
  for (size_t i = 0; i < all.size(); ++i) all[i].seconds = s.device().seconds(*s.queue, *spans_[i].from, *spans_[i].to);
  return all;
}

}  // namespace weft
