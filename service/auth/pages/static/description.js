// in a file of its own, as the page's policy lets no script stand in the page
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#description",
  deepLinking: true,
});
