"""Build one container image for each stack that the study requires, and inspect each image before any job uses it.

These rules run only with --sdm apptainer. The images do not contain noisegrid's code: jobs import it from the working
tree, which is mounted into the container.

REQUIRES  a container engine; a Debian mirror and the Python package index, or images that config.yaml names
PROVIDES  <containers>/{stack}.sif; {stack}.json, which is written inside the image (versions, GPU generations, digests);
          {stack}.pulled.json for an image that was pulled (its reference, and whether it was pinned)
RERUNS    when config.yaml names another image for a stack, but not when the definition or the pins change: an outdated
          image is refused before any work starts, and so are results from an image with another definition
"""


localrules:
    build_image,
    inspect_image,
    containers,


rule containers:
    input:
        inspections=PLAN.images.inspections(*PLAN.images.stacks),


rule build_image:
    output:
        image=PLAN.images.file("{stack}"),
    log:
        PLAN.images.log("{stack}.build"),
    params:
        source=JOBS.image_source,
        # untracked, so that another mirror does not cause another build
        mirror=untracked(PLAN.images.mirror_option()),
    run:  # the only job that must run outside containers
        shell(
            "python -m noisegrid build-image {wildcards.stack:q} {params.source:q} {params.mirror:q}"
            " --output {output.image:q} 2> {log:q}"
        )


rule inspect_image:
    input:
        image=PLAN.images.file("{stack}"),
    output:
        # the inspection of an earlier build stays until then, because the new build is compared with it
        inspection=update(PLAN.images.inspection("{stack}")),
    log:
        PLAN.images.log("{stack}.inspect"),
    container:
        JOBS.image
    shell:
        "python -m noisegrid inspect-image {wildcards.stack:q} --image {input.image:q}"
        " --output {output.inspection:q} 2> {log:q}"
