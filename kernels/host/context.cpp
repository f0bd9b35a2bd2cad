// The stack switch of x86-64: push what a callee must keep, exchange stack pointers, pop.
#include "context.h"

#if defined(__x86_64__)
asm(R"(
.text
.p2align 4
.globl weft_context_switch
.type weft_context_switch,@function
weft_context_switch:
  .cfi_startproc
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .cfi_endproc
.size weft_context_switch,.-weft_context_switch
.p2align 4
.globl weft_context_start
.type weft_context_start,@function
weft_context_start:
  .cfi_startproc
  .cfi_undefined rip
  movq %r12, %rdi
  xorl %ebp, %ebp
  callq *%r13
  ud2
  .cfi_endproc
.size weft_context_start,.-weft_context_start
.section .note.GNU-stack,"",@progbits
.text
)");
#endif
