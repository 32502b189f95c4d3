"""Definition and pins -> one image per stack that the study requires, checked from inside before anything runs in it.

Used with --sdm apptainer alone. The code is not in the images: the working tree is bound.
REQUIRES  a container engine; a Debian mirror and the Python package index, or images named in config.yaml
PROVIDES  <containers>/{stack}.sif and, written inside of it, {stack}.json (versions, GPU generations, digests)
RERUNS    never by itself: an image of another definition is refused before any work, and so are results from another image
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
        # another mirror builds nothing again
        mirror=untracked(PLAN.images.mirror_option()),
    run:  # the one job that cannot be in a container
        shell(
            "python -m noisegrid build-image {wildcards.stack:q} {params.source:q} {params.mirror:q}"
            " --output {output.image:q} 2> {log:q}"
        )


rule inspect_image:
    input:
        image=PLAN.images.file("{stack}"),
    output:
        inspection=PLAN.images.inspection("{stack}"),
    log:
        PLAN.images.log("{stack}.inspect"),
    container:
        JOBS.image
    shell:
        "python -m noisegrid inspect-image {wildcards.stack:q} --image {input.image:q}"
        " --output {output.inspection:q} 2> {log:q}"
