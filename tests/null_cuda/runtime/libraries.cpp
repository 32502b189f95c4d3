// cuBLAS, cublasLt and cuDNN: every product and convolution is one launch, and no plan needs a workspace.
#include "null.h"

static cublasStatus_t gemm(const char* n) {
  n_launch++;
  note("kernel", n);
  return CUBLAS_STATUS_SUCCESS;
}
static thread_local cublasMath_t math = CUBLAS_DEFAULT_MATH;
static thread_local cublasPointerMode_t pm = CUBLAS_POINTER_MODE_HOST;
E cublasStatus_t cublasCreate_v2(cublasHandle_t* h) {
  *h = (cublasHandle_t)calloc(1, 64);
  return CUBLAS_STATUS_SUCCESS;
}
E cublasStatus_t cublasDestroy_v2(cublasHandle_t) { return CUBLAS_STATUS_SUCCESS; }
E cublasStatus_t cublasSetStream_v2(cublasHandle_t, cudaStream_t) { return CUBLAS_STATUS_SUCCESS; }
E cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t, void*, size_t n) {
  static size_t told = 0;
  if (n != told) {
    char b[64];
    snprintf(b, 64, "%zu bytes", n);
    note("cublas workspace", b);
    told = n;
  }
  return CUBLAS_STATUS_SUCCESS;
}
E cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t m) {
  math = m;
  return CUBLAS_STATUS_SUCCESS;
}
E cublasStatus_t cublasGetMathMode(cublasHandle_t, cublasMath_t* m) {
  *m = math;
  return CUBLAS_STATUS_SUCCESS;
}
E cublasStatus_t cublasGetPointerMode_v2(cublasHandle_t, cublasPointerMode_t* m) {
  *m = pm;
  return CUBLAS_STATUS_SUCCESS;
}
E cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t, cublasPointerMode_t m) {
  pm = m;
  return CUBLAS_STATUS_SUCCESS;
}
ANY(cublasSgemm_v2)
ANY(cublasSgemmEx)
ANY(cublasGemmEx) ANY(cublasSgemmStridedBatched) ANY(cublasGemmStridedBatchedEx) ANY(cublasSgemv_v2) ANY(cublasSdot_v2)
    ANY(cublasDotEx) ANY(cublasDgemm_v2) ANY(cublasLtMatmul) NEW(cublasLtMatmulDescCreate)
        NEW(cublasLtMatmulPreferenceCreate) NEW(cublasLtMatrixLayoutCreate) OK(cublasLtMatmulDescDestroy)
            OK(cublasLtMatmulDescSetAttribute) OK(cublasLtMatmulPreferenceDestroy)
                OK(cublasLtMatmulPreferenceSetAttribute) OK(cublasLtMatrixLayoutDestroy)
                    OK(cublasLtMatrixLayoutSetAttribute) E cublasStatus_t
    cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
                                   cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                   cublasLtMatmulPreference_t, int, cublasLtMatmulHeuristicResult_t r[], int* n) {
  memset(r, 0, sizeof *r);
  *n = 1;
  return CUBLAS_STATUS_SUCCESS;
}
// --- cuDNN
typedef cudnnStatus_t D;
E D cudnnCreate(cudnnHandle_t* h) {
  *h = (cudnnHandle_t)calloc(1, 64);
  return CUDNN_STATUS_SUCCESS;
}
OK(cudnnSetStream)
NEW(cudnnCreateTensorDescriptor)
NEW(cudnnCreateFilterDescriptor)
NEW(cudnnCreateConvolutionDescriptor) NEW(cudnnCreateActivationDescriptor) NEW(cudnnCreatePoolingDescriptor)
    NEW(cudnnCreateDropoutDescriptor) OK(cudnnDestroyTensorDescriptor) OK(cudnnDestroyFilterDescriptor)
        OK(cudnnDestroyConvolutionDescriptor) OK(cudnnDestroyActivationDescriptor) OK(cudnnDestroyDropoutDescriptor)
            OK(cudnnSetTensorNdDescriptor) OK(cudnnSetFilterNdDescriptor) OK(cudnnSetConvolutionNdDescriptor)
                OK(cudnnSetConvolutionGroupCount) OK(cudnnSetConvolutionMathType) OK(cudnnSetActivationDescriptor)
                    OK(cudnnSetPooling2dDescriptor) ANY(cudnnBatchNormalizationForwardTrainingEx)
                        ANY(cudnnBatchNormalizationBackwardEx) ANY(cudnnBatchNormalizationForwardInference)
                            ANY(cudnnPoolingForward) E D
    cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(cudnnHandle_t, cudnnBatchNormMode_t, cudnnBatchNormOps_t,
                                                             const cudnnTensorDescriptor_t,
                                                             const cudnnTensorDescriptor_t,
                                                             const cudnnTensorDescriptor_t,
                                                             const cudnnTensorDescriptor_t,
                                                             const cudnnActivationDescriptor_t, size_t* n) {
  *n = 0;
  return CUDNN_STATUS_SUCCESS;
}
E D cudnnGetBatchNormalizationBackwardExWorkspaceSize(cudnnHandle_t, cudnnBatchNormMode_t, cudnnBatchNormOps_t,
                                                      const cudnnTensorDescriptor_t, const cudnnTensorDescriptor_t,
                                                      const cudnnTensorDescriptor_t, const cudnnTensorDescriptor_t,
                                                      const cudnnTensorDescriptor_t, const cudnnTensorDescriptor_t,
                                                      const cudnnActivationDescriptor_t, size_t* n) {
  *n = 0;
  return CUDNN_STATUS_SUCCESS;
}
E D cudnnGetBatchNormalizationTrainingExReserveSpaceSize(cudnnHandle_t, cudnnBatchNormMode_t, cudnnBatchNormOps_t,
                                                         const cudnnActivationDescriptor_t,
                                                         const cudnnTensorDescriptor_t, size_t* n) {
  *n = 0;
  return CUDNN_STATUS_SUCCESS;
}
struct Desc {
  int type;
};
E D cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t t, cudnnBackendDescriptor_t* d) {
  Desc* x = (Desc*)calloc(1, 64);
  x->type = t;
  *d = (cudnnBackendDescriptor_t)x;
  return CUDNN_STATUS_SUCCESS;
}
E D cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d) {
  free((void*)d);
  return CUDNN_STATUS_SUCCESS;
}
OK(cudnnBackendSetAttribute)
OK(cudnnBackendFinalize)
E D cudnnBackendGetAttribute(cudnnBackendDescriptor_t const, cudnnBackendAttributeName_t a, cudnnBackendAttributeType_t,
                             int64_t want, int64_t* n, void* out) {
  switch (a) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS:
      if (n) *n = 1;
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT:
      if (n) *n = 1;
      if (out) *(int64_t*)out = 1;
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
      if (n) *n = 1;
      if (out) *(int64_t*)out = 0;
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINECFG_ENGINE:
      if (n) *n = 1;
      return CUDNN_STATUS_SUCCESS;
    default:
      if (n) *n = 0;
      return CUDNN_STATUS_SUCCESS;
  }
}
E D cudnnBackendExecute(cudnnHandle_t, cudnnBackendDescriptor_t, cudnnBackendDescriptor_t) {
  n_launch++;
  note("kernel", "cudnn convolution");
  return CUDNN_STATUS_SUCCESS;
}
