"""Addresses. Background work that a person waits for: import, export, progress."""

from django.urls import URLPattern, URLResolver, path

from orders.web.jobs import doors, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("orders/import", doors.import_orders, name="orders-import"),
    path("orders/export", doors.export_orders, name="orders-export"),
    path("orders/mark-orders-as-returned-by-import", doors.mark_returned, name="orders-returned-by-import"),
    path(
        "orders/mark-orders-as-delivered-by-import", doors.mark_delivered, name="orders-delivered-by-import"
    ),
    path("jobs/", views.job_list, name="job-list"),
    path("jobs/mark", doors.mark_page, name="jobs-mark"),
    path("jobs/<int:job_id>/", views.job_show, name="job-show"),
    path("jobs/<int:job_id>/commit", views.job_commit, name="job-commit"),
    path("jobs/<int:job_id>/cancel", views.job_cancel, name="job-cancel"),
    path("jobs/<int:job_id>/retry", views.job_retry, name="job-retry"),
    path("jobs/<int:job_id>/files/<int:file_id>/", views.job_file, name="job-file"),
]
