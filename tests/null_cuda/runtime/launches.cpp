// Registration and launch of kernels. A kernel does nothing; its launch is counted, and its name is noted.
#include "null.h"

static std::unordered_map<const void*, const char*>* names;
E void** __cudaRegisterFatBinary(void*) { return (void**)calloc(1, 64); }
E void __cudaRegisterFatBinaryEnd(void**) {}
E void __cudaUnregisterFatBinary(void**) {}
E void __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}
E void __cudaRegisterFunction(void**, const char* host, char*, const char* dev, int, uint3*, uint3*, dim3*, dim3*,
                              int*) {
  if (!names) names = new std::unordered_map<const void*, const char*>;
  (*names)[host] = dev;
}
struct Call {
  dim3 g, b;
  size_t s;
  cudaStream_t st;
};
static thread_local std::vector<Call> calls;
E unsigned __cudaPushCallConfiguration(dim3 g, dim3 b, size_t s, cudaStream_t st) {
  calls.push_back({g, b, s, st});
  return 0;
}
E R __cudaPopCallConfiguration(dim3* g, dim3* b, size_t* s, void* st) {
  Call c = calls.back();
  calls.pop_back();
  *g = c.g;
  *b = c.b;
  *s = c.s;
  *(cudaStream_t*)st = c.st;
  return cudaSuccess;
}
static R launched(const void* f) {
  LIVE;
  n_launch++;
  if (logname) {
    auto i = names->find(f);
    note("kernel", i == names->end() ? "?" : i->second);
  }
  return cudaSuccess;
}
E R __cudaGetKernel(cudaKernel_t* k, const void* f) {
  *k = (cudaKernel_t)f;
  return cudaSuccess;
}
E R __cudaLaunchKernel(cudaKernel_t k, dim3, dim3, void**, size_t, cudaStream_t) { return launched((const void*)k); }
E R cudaLaunchKernel(const void* f, dim3, dim3, void**, size_t, cudaStream_t) { return launched(f); }
E R cudaLaunchKernelExC(const cudaLaunchConfig_t*, const void* f, void**) { return launched(f); }
