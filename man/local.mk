dist_man_MANS += \
  %D%/evoflip.1 \
  %D%/evoflip-search.1 \
  %D%/evoflip-front.1 \
  %D%/evoflip-score.1 \
  %D%/evoflip-inject.1 \
  %D%/evoflip-calibrate.1 \
  %D%/evoflip-train.1 \
  %D%/evoflip-export.1 \
  %D%/evoflip-run.5 \
  %D%/evoflip-method.7
dist_man_MANS += %D%/evoflip-data.5
dist_man_MANS += %D%/evoflip-topology.5
dist_man_MANS += %D%/evoflip-space.5
dist_man_MANS += %D%/evoflip-model.5
dist_man_MANS += %D%/evoflip-format.7
dist_man_MANS += %D%/evoflip-faults.5
dist_man_MANS += %D%/evoflip-hardware.5
dist_man_MANS += %D%/evoflip-validate.1
dist_man_MANS += %D%/evoflip-objectives.7
