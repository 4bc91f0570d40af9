dist_pkgdata_DATA += %D%/digits.csv %D%/digits.README
EXTRA_DIST += scripts/make-digits

# Reference topologies; scripts/make-topologies writes the repetitive ones.
topologiesdir = $(pkgdatadir)/topologies
dist_topologies_DATA = \
  %D%/topologies/cnn-digits.yaml %D%/topologies/dilatedvgg.yaml \
  %D%/topologies/lenet5.yaml %D%/topologies/mlp.yaml \
  %D%/topologies/mobilenetv2.yaml %D%/topologies/mobilenetv2-5m.yaml \
  %D%/topologies/nasnet-a.yaml %D%/topologies/nasnet-a-5m.yaml \
  %D%/topologies/resnet20.yaml \
  %D%/topologies/resnet8.yaml %D%/topologies/resnet8-digits.yaml
EXTRA_DIST += scripts/make-topologies

# Experiments and what came out of them.
EXTRA_DIST += \
  %D%/experiments/proxy-front.awk %D%/experiments/proxy-front.sh \
  %D%/experiments/proxy-front.txt %D%/experiments/worth.txt \
  %D%/experiments/ratios.awk \
  %D%/experiments/worth.sh

# Search spaces.
spacesdir = $(pkgdatadir)/spaces
dist_spaces_DATA = \
  %D%/spaces/default.yaml %D%/spaces/mobile.yaml %D%/spaces/residual.yaml

# Accelerators.
hardwaredir = $(pkgdatadir)/hardware
dist_hardware_DATA = \
  %D%/hardware/edge-systolic.yaml %D%/hardware/eyeriss-like.yaml \
  %D%/hardware/mcu-simd.yaml %D%/hardware/tpu-like.yaml
