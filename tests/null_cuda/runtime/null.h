// What the parts of the null CUDA runtime share: counters, the state of this process, and how a call is noted.
// Device memory is host memory, kernels do nothing, and every launch, copy and synchronisation is counted.
#pragma once
#include <cublasLt.h>
#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>
#define E extern "C" __attribute__((visibility("default")))
typedef cudaError_t R;
extern std::mutex mu;
extern size_t used_b, peak_b;  // bytes of device memory: now, and at most
extern int capturing;          // whether a stream records a graph; `cap` is this stream
extern cudaStream_t cap;
extern long n_launch, n_sync, n_main_sync, n_h2d, n_d2h, n_d2d, n_memset, n_event, n_malloc;
extern pid_t init_pid;  // the process that made the context; 0 before the first call
extern const char* logname;
extern thread_local int cur;  // the current device of this thread
extern thread_local R last;   // the error that cudaGetLastError returns
size_t total();
int devices();
bool driver_is_old();
bool is_lost();
void note(const char* kind, const char* what);
void waits(const char* what);
R ret(R r);
R owned();
R live();
// Leave a function with an error if this process was forked from one that has a context (OWNED), or, for a function that
// reaches the device, also if the device is lost (LIVE).
#define OWNED          \
  {                    \
    R r_ = owned();    \
    if (r_) return r_; \
  }
#define LIVE           \
  {                    \
    R r_ = live();     \
    if (r_) return r_; \
  }
// Define a function of any arguments that succeeds (OK), counts as a launch (ANY), or makes an object (NEW).
#define ANY(name)                                                                     \
  extern "C" __attribute__((visibility("default"))) int name##_stub() __asm__(#name); \
  int name##_stub() {                                                                 \
    n_launch++;                                                                       \
    note("kernel", #name);                                                            \
    return 0;                                                                         \
  }
#define OK(name)                                                                      \
  extern "C" __attribute__((visibility("default"))) int name##_stub() __asm__(#name); \
  int name##_stub() { return 0; }
#define NEW(name)                                                                             \
  extern "C" __attribute__((visibility("default"))) int name##_stub(void** p) __asm__(#name); \
  int name##_stub(void** p) {                                                                 \
    *p = calloc(1, 256);                                                                      \
    return 0;                                                                                 \
  }
