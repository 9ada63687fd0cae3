"""The addresses of Settings > API tokens."""

from django.urls import path

from orders.web.tokens import views

urlpatterns = [
    path("settings/tokens", views.list_tokens, name="settings-tokens"),
    path("settings/tokens/new", views.new_token, name="settings-token-new"),
    path("settings/tokens/<int:token_id>/rotate", views.rotate, name="settings-token-rotate"),
    path("settings/tokens/<int:token_id>/revoke", views.revoke, name="settings-token-revoke"),
]
