import '../tokens.css';
import './page.css';
import './tg-app.js';
