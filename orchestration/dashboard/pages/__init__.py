"""The pages: a folder for each area, a module for each page, which declares itself (`kit.page`)."""
