// libcuda.so.1: the driver's symbols that torch links to. Each succeeds; the runtime above it does the modelling.
#include <string.h>
typedef int R;
R cuCtxGetCurrent(void** c) {
  static int x;
  *c = &x;
  return 0;
}
R cuCtxSetCurrent() { return 0; }
R cuDeviceGet() { return 0; }
R cuDeviceGetAttribute() { return 0; }
R cuDevicePrimaryCtxGetState(int d, unsigned* f, int* a) {
  if (f) *f = 0;
  if (a) *a = 1;
  return 0;
}
R cuDevicePrimaryCtxRetain() { return 0; }
R cuFuncGetAttribute() { return 0; }
R cuFuncSetAttribute() { return 0; }
R cuFuncSetCacheConfig() { return 0; }
R cuGetErrorString(int e, const char** s) {
  *s = "null driver";
  return 0;
}
R cuLaunchCooperativeKernel() { return 0; }
R cuLaunchKernel() { return 0; }
R cuLinkAddData_v2() { return 0; }
R cuLinkComplete() { return 0; }
R cuLinkCreate_v2() { return 0; }
R cuModuleGetFunction() { return 0; }
R cuModuleLoad() { return 0; }
R cuModuleLoadData() { return 0; }
R cuModuleLoadDataEx() { return 0; }
R cuModuleUnload() { return 0; }
R cuOccupancyMaxActiveBlocksPerMultiprocessor() { return 0; }
R cuPointerGetAttribute() { return 0; }
R cuTensorMapEncodeTiled() { return 0; }
