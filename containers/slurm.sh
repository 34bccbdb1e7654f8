#!/bin/bash
# An example of a Slurm array, one participant per task; "spikefocus plan" writes one for your
# dataset, with the memory and time that its data need.
#   sbatch --array=1-$(wc -l <participants.txt) containers/slurm.sh
# participants.txt holds one label per line.
#SBATCH --job-name=spikefocus
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --signal=USR1@120
#SBATCH --open-mode=append
#SBATCH --output=spikefocus_%A_%a.log
# For a GPU: #SBATCH --gres=gpu:1, and --nv after "apptainer run".

IMAGE=spikefocus.sif
BIDS_DIR=/path/to/bids
OUTPUT_DIR=/path/to/output

label=$(sed -n "${SLURM_ARRAY_TASK_ID}p" participants.txt)
# Two minutes before the time is up Slurm sends SIGUSR1 to the step that srun begins: spikefocus
# then writes where it is and ends with 75.
srun apptainer run --containall --no-home \
    --bind "$BIDS_DIR:/data:ro" --bind "$OUTPUT_DIR:/out" --bind "${TMPDIR:-/tmp}:/tmp" \
    "$IMAGE" /data /out participant --participant-label "$label"
code=$?
# Queued again, it goes on where it stopped.
if [[ $code == 75 ]]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit $code
