// Device memory with a capacity, pinned memory, and copies. Half a GB of the device is the context's.
#include "null.h"

static std::map<uintptr_t, std::pair<size_t, int>> mem;  // base -> size, kind (1 device, 2 pinned)
static R take(void** p, size_t n, int kind) {
  LIVE;
  std::lock_guard<std::mutex> g(mu);
  if (kind == 1 && used_b + n > total() - 500000000) return ret(cudaErrorMemoryAllocation);
  void* q = mmap(nullptr, n ? n : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (q == MAP_FAILED) return ret(cudaErrorMemoryAllocation);
  mem[(uintptr_t)q] = {n, kind};
  if (kind == 1) {
    used_b += n;
    if (used_b > peak_b) peak_b = used_b;
    n_malloc++;
  }
  *p = q;
  return cudaSuccess;
}
static R give(void* p) {
  if (!p) return cudaSuccess;
  LIVE;
  std::lock_guard<std::mutex> g(mu);
  auto i = mem.find((uintptr_t)p);
  if (i == mem.end()) return ret(cudaErrorInvalidValue);
  if (i->second.second == 1) used_b -= i->second.first;
  munmap(p, i->second.first);
  mem.erase(i);
  return cudaSuccess;
}
E R cudaMalloc(void** p, size_t n) {
  if (capturing == 2) return (note("refused in capture", __func__), ret(cudaErrorStreamCaptureUnsupported));
  return take(p, n, 1);
}
E R cudaFree(void* p) { return give(p); }
E R cudaHostAlloc(void** p, size_t n, unsigned) { return take(p, n, 2); }
E R cudaFreeHost(void* p) { return give(p); }
E R cudaMemGetInfo(size_t* f, size_t* t) {
  LIVE;
  *t = total();
  *f = total() - 500000000 - used_b;
  return cudaSuccess;
}
static int kind_of(const void* p) {
  std::lock_guard<std::mutex> g(mu);
  auto i = mem.upper_bound((uintptr_t)p);
  if (i == mem.begin()) return 0;
  --i;
  return (uintptr_t)p < i->first + i->second.first ? i->second.second : 0;
}
E R cudaPointerGetAttributes(cudaPointerAttributes* a, const void* p) {
  LIVE;
  memset(a, 0, sizeof *a);
  int k = kind_of(p);
  a->type = k == 1 ? cudaMemoryTypeDevice : k == 2 ? cudaMemoryTypeHost : cudaMemoryTypeUnregistered;
  a->device = 0;
  a->devicePointer = (void*)p;
  a->hostPointer = (void*)p;
  return cudaSuccess;
}
static R copy(void* d, const void* s, size_t n, const char* how) {
  LIVE;
  int dk = kind_of(d), sk = kind_of(s);
  if (dk == 1 && sk == 1)
    n_d2d++;
  else if (dk == 1) {
    n_h2d++;
    note("h2d", sk == 2 ? "pinned" : "pageable");
  } else if (sk == 1) {
    n_d2h++;
    note("d2h", how);
  }
  if (!(dk == 1 && sk == 1 && n > (1 << 20))) memcpy(d, s, n);
  return cudaSuccess;
}
E R cudaMemcpy(void* d, const void* s, size_t n, cudaMemcpyKind) {
  if (capturing) return (note("refused in capture", __func__), ret(cudaErrorStreamCaptureUnsupported));
  return copy(d, s, n, "sync");
}
E R cudaMemcpyAsync(void* d, const void* s, size_t n, cudaMemcpyKind, cudaStream_t) { return copy(d, s, n, "async"); }
E R cudaMemcpyPeerAsync(void* d, int, const void* s, int, size_t n, cudaStream_t) { return copy(d, s, n, "peer"); }
E R cudaMemcpyToSymbol(const void*, const void*, size_t, size_t, cudaMemcpyKind) { return cudaSuccess; }
E R cudaMemset(void* p, int v, size_t n) {
  LIVE;
  n_memset++;
  if (n <= 1 << 20) memset(p, v, n);
  return cudaSuccess;
}
E R cudaMemsetAsync(void* p, int v, size_t n, cudaStream_t) {
  LIVE;
  n_memset++;
  note("memset", "");
  if (n <= 1 << 20) memset(p, v, n);
  return cudaSuccess;
}
E R cudaGetSymbolAddress(void** p, const void*) {
  *p = calloc(1, 4096);
  return cudaSuccess;
}
