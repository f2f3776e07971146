"""Settings of the site; `build.py` calls Sphinx."""

import tinygrad_mnist

project = "tinygrad_mnist"
release = tinygrad_mnist.__version__
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
    "extension",
]
default_role = "py:obj"
html_theme = "furo"
html_title = "tinygrad_mnist"
html_static_path = ["static"]
html_extra_path = ["../extra"]
html_js_files = [("run.js", {"defer": "defer"})]
html_css_files = ["drawing.css", "site.css"]
html_show_copyright = False
html_show_sphinx = False
html_show_search_summary = False  # it would read the pages, which a browser refuses where there is no server
html_domain_indices = False
html_use_index = False  # the search knows the names
add_module_names = False
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
pygments_style = "default"
pygments_dark_style = "github-dark"
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = False
numpydoc_show_class_members = False
sphinx_gallery_conf = {
    "examples_dirs": ["../lessons/beginners", "../lessons/curious"],
    "gallery_dirs": ["lessons/beginners", "lessons/curious"],
    "filename_pattern": r"\.py",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("thumbnails",),
    "reset_modules": (),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "min_reported_time": 10000,
    "show_signature": False,
    "write_computation_times": False,
    "inspect_global_variables": False,
}
