// Writes down every call of the op table: what it was asked, which kernels it launched, how long it took, which derivative it belongs to.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "weft/tensor/watch.h"

namespace weft {

class Trace : public Watch {
 public:
  /// Empties nothing and waits for nothing; what is traced computes what it would compute anyway. Steps that the device repeats by itself
  /// (capture.h) cannot be looked into: trace them as calls.
  explicit Trace(const Context& context);

  struct Row {
    std::vector<std::string> phases;       // from the outermost Range in: {"training step", "discriminator", "backward"}
    std::string operation;                 // the public operation that asked for it, or the table's entry where none did
    std::string op;                        // the table's entry
    std::string sizes;
    std::string kernels;                   // that ran, with how often: "im2col, sgemm x2"
    uint64_t bytes = 0, flops = 0;         // as in TableCall and Context::flops
    double seconds = 0;                    // on the device; on cuda from mark to mark in its queue
    uint64_t node = 0, rule_of = 0;        // numbers in the graph: of the operation, if it is recorded; of the one whose derivative this is part of
    std::string rule_name;                 // of that one: "conv2d"
  };
  /// Waits for the device.
  std::vector<Row> rows() const;

  void made(const char* operation, const Tensor& result, const Tensors& inputs) override;
  void recorded(const Node& node) override;
  void rule_begins(const Node& node) override;
  void rule_ends(const Node& node, const Tensors& results) override;
  void call_begins() override;
  void call_ends(const TableCall& call) override;
  void phase_begins(const char* name) override { phases_.push_back(name); }
  void phase_ends() override { if (!phases_.empty()) phases_.pop_back(); }

 private:
  struct Span {
    std::unique_ptr<Event> from, to;
  };
  std::vector<Row> rows_;
  std::vector<Span> spans_;                // of the rows
  std::vector<std::string> phases_;
  std::map<std::string, uint64_t> launches_;
  Span now_;
  size_t unclaimed_ = 0, last_ = 0;        // rows from here on belong to the operation to come; and the first of the last one
  uint64_t flops_before_, flops_ = 0, rule_ = 0;
  const char* rule_name_ = "";
};

}  // namespace weft
