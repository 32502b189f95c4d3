// What is counted, the capacity and number of devices, and the context, which does not survive a fork.
#include "null.h"

typedef cudaError_t R;
std::mutex mu;
size_t used_b = 0, peak_b = 0;
thread_local int cur = 0;
thread_local R last = cudaSuccess;

int capturing = 0;
cudaStream_t cap = nullptr;
long n_launch, n_sync, n_main_sync, n_h2d, n_d2h, n_d2d, n_memset, n_event, n_malloc;
pid_t init_pid = 0;
const char* logname = getenv("NULLCUDA_LOG");
static FILE* logf_ = nullptr;
static const char* variable(const char* name, const char* otherwise) {
  const char* v = getenv(name);
  return v ? v : otherwise;
}
// The memory of a device: that of the card or, if cards are divided (MIG), of a slice such as 3g.40gb.
size_t total() {
  const char* slice = strstr(variable("NULLCUDA_MIG", ""), "g.");
  return (size_t)(atof(slice ? slice + 2 : variable("NULLCUDA_GB", "80")) * 1e9);
}
// The number of devices that CUDA_VISIBLE_DEVICES leaves of those of the machine. CUDA uses one slice at most.
int devices() {
  if (is_lost()) return 0;
  const char* visible = getenv("CUDA_VISIBLE_DEVICES");
  if (*variable("NULLCUDA_MIG", "")) return !visible || *visible;
  if (!visible) return atoi(variable("NULLCUDA_DEVICES", "1"));
  int count = *visible != 0;
  for (; *visible; visible++) count += *visible == ',';
  return count;
}
// CUDA 13.0 needs a driver of at least 580.65. NULLCUDA_DRIVER is `none` without one.
bool driver_is_old() { return atof(variable("NULLCUDA_DRIVER", "580.95")) < 580.65; }
// The device is gone from the time when the file NULLCUDA_LOST exists.
bool is_lost() {
  static const char* path = getenv("NULLCUDA_LOST");
  return path && !access(path, F_OK);
}
void note(const char* kind, const char* what) {
  if (!logname) return;
  std::lock_guard<std::mutex> g(mu);
  if (!logf_) logf_ = fopen(logname, "a");
  fprintf(logf_, "%s\t%s\n", kind, what ? what : "?");
  fflush(logf_);
}
R ret(R r) {
  if (r) last = r;
  return r;
}
// a context does not survive a fork: the real runtime fails with cudaErrorInitializationError (3)
R owned() {
  pid_t p = getpid();
  if (!init_pid) init_pid = p;
  return init_pid == p ? cudaSuccess : ret(cudaErrorInitializationError);
}
R live() {
  R r = owned();
  return !r && is_lost() ? ret(cudaErrorDevicesUnavailable) : r;
}
// The host waits for the device. A wait of the main thread delays training; one of the prefetching thread does not.
void waits(const char* what) {
  n_sync++;
  if (gettid() == getpid()) n_main_sync++;
  note("sync", what);
}
E long nullcuda_count(int what) {
  long v[] = {n_launch, n_main_sync, n_h2d, n_d2h, n_sync, n_d2d, n_memset, n_event, n_malloc, (long)peak_b, (long)used_b};
  return v[what];
}
E void nullcuda_reset() {
  n_launch = n_sync = n_main_sync = n_h2d = n_d2h = n_d2d = n_memset = n_event = n_malloc = 0;
  peak_b = used_b;
}

__attribute__((destructor)) static void bye() {
  if (getenv("NULLCUDA_SUMMARY"))
    fprintf(stderr, "nullcuda: %ld launches, %ld syncs, %ld h2d, %ld d2h, %ld d2d, %ld memsets, peak %.3f GB\n",
            n_launch, n_sync, n_h2d, n_d2h, n_d2d, n_memset, peak_b / 1e9);
}
