"""The addresses of people's doors, one module an area.

The order matters: `/orders/{status}` answers last, so it cannot swallow another route under `/orders/`.
"""

from django.contrib.auth import views as auth_views
from django.urls import include, path

from orders.web.access import requires
from orders.web.frame import choose_theme, show_running_jobs

WRITING = ("GET", "POST")

urlpatterns = [
    path("", include("orders.web.today.urls")),
    path("", include("orders.web.scan.urls")),
    path("", include("orders.web.stock.urls")),
    path("", include("orders.web.jobs.urls")),
    path("", include("orders.web.settings.urls")),
    path("", include("orders.web.tokens.urls")),
    path("", include("orders.web.actions.urls")),
    path("", include("orders.web.orderpage.urls")),
    path("", include("orders.web.lists.urls")),
    path("login", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout", auth_views.LogoutView.as_view(), name="logout"),
    path(
        "password",
        requires(methods=WRITING)(auth_views.PasswordChangeView.as_view()),
        name="password_change",
    ),
    path(
        "password/done",
        requires()(auth_views.PasswordChangeDoneView.as_view()),
        name="password_change_done",
    ),
    path("theme", choose_theme, name="choose-theme"),
    path("running-jobs", show_running_jobs, name="running-jobs"),
    path("style/", include("orders.web.style")),
]
