// Attributes of functions, errors, and the driver's functions that the runtime hands out.
#include "null.h"

E R cudaFuncGetAttributes(cudaFuncAttributes* a, const void*) {
  memset(a, 0, sizeof *a);
  a->maxThreadsPerBlock = 1024;
  a->numRegs = 32;
  a->binaryVersion = a->ptxVersion = 90;
  return cudaSuccess;
}
E R cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) { return cudaSuccess; }
E R cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* n, const void*, int, size_t, unsigned) {
  *n = 8;
  return cudaSuccess;
}
E R cudaGetLastError() {
  R r = last;
  last = cudaSuccess;
  return r;
}
E R cudaPeekAtLastError() { return last; }
E const char* cudaGetErrorString(R r) {
  return r == 2     ? "out of memory"
         : r == 3   ? "initialization error"
         : r == 35  ? "CUDA driver version is insufficient for CUDA runtime version"
         : r == 46  ? "CUDA-capable device(s) is/are busy or unavailable"
         : r == 900 ? "operation not permitted when stream is capturing"
         : r == 100 ? "no CUDA-capable device is detected"
                    : "an error of the null runtime";
}
E const char* cudaGetErrorName(R r) {
  return r == 2 ? "cudaErrorMemoryAllocation" : r == 3 ? "cudaErrorInitializationError" : "cudaErrorNull";
}
static int any() { return 0; }
static int ctx_state(int, unsigned* f, int* a) {
  if (f) *f = 0;
  if (a) *a = init_pid != 0;
  return 0;
}
E R cudaGetDriverEntryPointByVersion(const char* s, void** f, unsigned, unsigned long long,
                                     cudaDriverEntryPointQueryResult* q) {
  *f = !strcmp(s, "cuDevicePrimaryCtxGetState") ? (void*)ctx_state : (void*)any;
  if (q) *q = cudaDriverEntryPointSuccess;
  return cudaSuccess;
}
