# The kernels: what nvcc compiles for `cuda`, and an ordinary compiler for `sim`.
set(WEFT_KERNEL_SOURCES
    conv2d.cu conv2d_depthwise.cu conv2d_few_channels.cu conv2d_few_filters.cu conv2d_input_grad.cu conv2d_weight_grad.cu gather.cu
    gemm.cu matmul.cu max_pool.cu norm.cu optimizer.cu pointwise.cu random.cu reduce.cu resample.cu sort.cu strided_copy.cu
    table.cu)
list(TRANSFORM WEFT_KERNEL_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
