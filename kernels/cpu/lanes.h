// Numbers that one instruction works on, by instruction set.
#pragma once

namespace weft::cpu::WEFT_ISA {
namespace {

#if defined(WEFT_ISA_v4)
constexpr int kLanes = 16;
#elif defined(WEFT_ISA_v3)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

}  // namespace
}  // namespace weft::cpu::WEFT_ISA
